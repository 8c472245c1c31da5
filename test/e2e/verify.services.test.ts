import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { serialize } from 'bson';
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/shared/domain/hash.ts';
import { idHash } from '../../src/shared/domain/ids.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 180_000;
const START = Date.parse('2026-05-01T00:00:00Z');

/** What `verify --json` says of a table. */
interface Verified {
  readonly status: string;
  readonly version: number;
  readonly documents: number;
  readonly rows: number;
  readonly missing: number;
  readonly stale: number;
  readonly gone: number;
  readonly partitions: number;
  readonly partitionsDiffering: readonly { readonly partition: number }[];
  readonly ids: readonly { readonly id: string; readonly difference: string; readonly partition: number }[];
  readonly repaired: null | {
    readonly version: number;
    readonly inserted: number;
    readonly updated: number;
    readonly deleted: number;
    readonly partitionsTouched: number;
  };
}

const verified = async (space: Workspace, ...args: string[]) => {
  const { ended, results } = await space.json('verify', ...args);
  return { code: ended.code, ...(results[0] as unknown as Verified) };
};

/** `npm run test:long` takes a million. */
const ROWS = Number(process.env.MONGOLAKE_TEST_VERIFY_ROWS ?? 200_000);

describeWith(['readers'], `a table of ${ROWS} rows that is not as its source`, () => {
  const PARTITIONS = 64;
  /** Where the thousand ids are that differ. */
  const TAMPERED = [3, 17, 42];
  let space: Workspace;
  const bson = (_id: number, ms: number) => Buffer.from(serialize({ _id, updateTime: new Date(ms), n: _id % 7 }));
  const partition = (_id: number) => partitionOf(idHash(bson(_id, 0), 0x10, 9, 13), PARTITIONS);
  const write = (documents: Iterable<Buffer>) => {
    mkdirSync(`${space.folder}/dump/guest`, { recursive: true });
    writeFileSync(`${space.folder}/dump/guest/notifications.bson`, Buffer.concat([...documents]));
    const startedAt = new Date(START + 2 * ROWS).toISOString();
    writeFileSync(`${space.folder}/dump/guest/mongolake-dump.json`, JSON.stringify({ startedAt }));
  };
  const files = () =>
    readdirSync(`${space.folder}/lake/notifications/data`, { recursive: true, encoding: 'utf8' }).sort();

  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: PARTITIONS, allowedLateness: '1s', compressionLevel: 1 },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterAll(() => space.close());

  it('verify names exactly the ids that differ, repair rewrites only their partitions, and then nothing differs', {
    timeout: SLOW_MS,
  }, async () => {
    const ids = Array.from({ length: ROWS }, (_, i) => i);
    write(ids.map((id) => bson(id, START + id)));
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ inserted: ROWS, version: 0 }]);
    expect(await verified(space)).toMatchObject({ code: 0, status: 'equal', documents: ROWS, rows: ROWS, ids: [] });

    const inThree = ids.filter((id) => TAMPERED.includes(partition(id)));
    const different = new Map(inThree.slice(0, 400).map((id) => [id, 'stale']));
    for (const id of inThree.slice(1000, 1300)) different.set(id, 'gone');
    const more = Array.from({ length: 100_000 }, (_, i) => ROWS + i).filter((id) => TAMPERED.includes(partition(id)));
    for (const id of more.slice(0, 300)) different.set(id, 'missing');
    const now = [...ids, ...more.slice(0, 300)].filter((id) => different.get(id) !== 'gone');
    write(now.map((id) => bson(id, START + id + (different.get(id) === 'stale' ? 1 : 0))));

    const found = await verified(space);
    expect(found).toMatchObject({ code: 4, status: 'differs', stale: 400, gone: 300, missing: 300, repaired: null });
    expect(new Map(found.ids.map(({ id, difference }) => [Number(id), difference]))).toEqual(different);
    expect(found.partitionsDiffering.map((each) => each.partition)).toEqual(TAMPERED);
    expect((await space.run('verify')).stdout).toMatch(/1,000 ids differ[\s\S]*in 3 partitions[\s\S]*and 980 more/);

    const before = files();
    const repaired = await verified(space, '--repair');
    expect(repaired).toMatchObject({
      code: 0,
      status: 'repaired',
      repaired: { version: 1, inserted: 300, updated: 400, deleted: 300, partitionsTouched: 3 },
    });
    const written = files().filter((file) => !before.includes(file));
    expect(new Set(written.map((file) => Number(file.split('/')[0])))).toEqual(new Set(TAMPERED));
    expect(await verified(space)).toMatchObject({ code: 0, status: 'equal', rows: ROWS, documents: ROWS });
    const where = `_id IN (${[...different.keys()].join()})`;
    const rows = await readTable('duckdb', `${space.folder}/lake/notifications`, { where });
    const expected = [...different]
      .filter(([, difference]) => difference !== 'gone')
      .map(([id, difference]) => ({ _id: id, ms: START + id + (difference === 'stale' ? 1 : 0) }));
    const read = rows.map(({ _id, updateTime }) => ({ _id, ms: Date.parse(String(updateTime)) }));
    expect(read).toEqual(expected.sort((a, b) => a._id - b._id));
  });
});

describeWith(['mongodb', 'redis', 'readers'], 'verify against a server', ({ mongodb, redis }) => {
  let space: Workspace;
  let client: MongoClient;
  const name = `verify_${Date.now().toString(36)}`;
  const collection = () => client.db(mongodb.database).collection<{ _id: number; updateTime: Date; v?: number }>(name);
  const config = (settings: Record<string, unknown> = {}) => ({
    version: 1,
    connections: { guest: { kind: 'mongodb', uri: mongodb.uri } },
    queue: { kind: 'redis', url: redis.url },
    defaults: { partitions: 8, allowedLateness: '5m', ...settings },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: mongodb.database, collections: [name] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });
  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
  });
  afterAll(() => client.close());
  beforeEach(() => {
    space = workspace(config());
    space.start('worker', '--concurrency', '2');
  });
  afterEach(async () => {
    await collection().drop();
    await space.close();
  });
  const HOUR = 60 * 60_000;
  const ids = async () => (await readTable('duckdb', `${space.folder}/lake/${name}`, {})).map(({ _id }) => _id);

  it('finds deletes and what came late, and repairs them', { timeout: SLOW_MS }, async () => {
    const now = Date.now();
    await collection().insertMany(
      Array.from({ length: 3000 }, (_, _id) => ({ _id, updateTime: new Date(now - 2 * HOUR) })),
    );
    await space.json('sync');
    await collection().deleteMany({ _id: { $lt: 10 } });
    await collection().insertOne({ _id: 5000, updateTime: new Date(now - HOUR) });
    await collection().updateOne({ _id: 77 }, { $set: { updateTime: new Date(now - HOUR) } });
    // What is new is for the next sync.
    await collection().insertOne({ _id: 6000, updateTime: new Date(Date.now() + HOUR) });
    const found = await verified(space);
    expect(found).toMatchObject({ code: 4, missing: 1, stale: 1, gone: 10, leftOut: 1 });
    const repaired = await verified(space, '--repair', '--deep');
    expect(repaired).toMatchObject({ code: 0, repaired: { inserted: 1, updated: 1, deleted: 10 } });
    const expected = [...Array.from({ length: 2990 }, (_, i) => i + 10), 5000];
    expect((await ids()).sort((a, b) => Number(a) - Number(b))).toEqual(expected);
    expect((await space.run('history')).stdout).toMatch(/REPAIR +12 read, 1 inserted, 1 updated, 10 deleted/);
    expect((await space.json('sync')).results).toMatchObject([{ inserted: 1 }]);
    expect(await verified(space, '--deep')).toMatchObject({ code: 0, status: 'equal' });
  });

  it('a coordinator with deletes: reconcile does so by itself', { timeout: SLOW_MS }, async () => {
    space.configure(config({ deletes: 'reconcile', verifySchedule: '1s', schedule: 'none' }));
    await collection().insertMany(
      Array.from({ length: 100 }, (_, _id) => ({ _id, updateTime: new Date(Date.now() - 2 * HOUR) })),
    );
    await space.json('sync');
    const coordinator = space.start('--log-format', 'json', 'coordinator');
    await coordinator.line('verified: equal');
    await collection().deleteMany({ _id: { $gte: 90 } });
    expect(JSON.parse(await coordinator.line('verified and repaired'))).toMatchObject({ gone: 10, repairedIn: 1 });
    expect(await ids()).toHaveLength(90);
    expect(await coordinator.end('SIGTERM')).toBe(0);
  });
});

describe('verify without a table', () => {
  it('says so', async () => {
    const space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './any.bson' } },
      pipelines: { guest: { source: { connection: 'guest' }, table: { uri: 'file:./lake' } } },
    });
    try {
      writeFileSync(`${space.folder}/any.bson`, '');
      const { ended, results } = await space.json('verify');
      expect([ended.code, results[0]?.error?.code]).toEqual([1, 'TABLE_MISSING']);
    } finally {
      await space.close();
    }
  });
});
