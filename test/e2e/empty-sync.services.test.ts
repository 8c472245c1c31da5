import { readdirSync, statSync } from 'node:fs';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Workspace, workspace } from './cli.ts';
import { type CommandCounter, commandCounter } from './command-counter.ts';

describeWith(['mongodb'], 'a sync with nothing new', ({ mongodb }) => {
  let space: Workspace;
  let counter: CommandCounter;
  let client: MongoClient;
  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    const collection = client.db(mongodb.database).collection('notifications');
    await collection.insertMany(
      Array.from({ length: 100 }, (_, i) => ({ n: i, updateTime: new Date(Date.UTC(2026, 0, 1)) })),
    );
    await collection.createIndex({ updateTime: 1 });
    const uri = new URL(mongodb.uri);
    counter = await commandCounter({ hostname: uri.hostname, port: uri.port });
    uri.host = `127.0.0.1:${counter.port}`;
    // A replica set would send the driver past the counter.
    uri.searchParams.set('directConnection', 'true');
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'mongodb', uri: uri.href } },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterAll(async () => {
    await space.close();
    await counter.close();
    await client.close();
  });

  const objects = () =>
    readdirSync(`${space.folder}/lake/notifications`, { recursive: true })
      .map(String)
      .filter((name) => /^(data|_delta_log)\/.*\.\w+$/.test(name))
      .map((name) => [name, statSync(`${space.folder}/lake/notifications/${name}`).mtimeMs]);

  it('sends four commands and one for the time at most, and writes no data and no version', async () => {
    const first = await space.json('sync');
    expect(first.results, JSON.stringify(first.results)).toMatchObject([{ status: 'committed', inserted: 100 }]);
    const before = objects();
    counter.commands.splice(0);
    expect((await space.json('sync')).results).toMatchObject([{ status: 'unchanged', read: 0, version: null }]);
    expect(counter.commands.length, counter.commands.join(', ')).toBeLessThanOrEqual(4);
    expect(counter.commands.filter((name) => name === 'find')).toHaveLength(1);
    expect(objects()).toEqual(before);
  });
});
