import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 180_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
const ROWS = 20_000;

interface Add {
  readonly path: string;
  readonly stats: string;
  readonly tags: Readonly<Record<string, string>>;
}

describeWith(['readers', 'spark'], 'rows of documents that say they are deleted', () => {
  let space: Workspace;
  const table = () => `${space.folder}/lake/notifications`;
  const adds = (version: number) =>
    readFileSync(`${table()}/_delta_log/${String(version).padStart(20, '0')}.json`, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"add"'))
      .map((line) => (JSON.parse(line) as { readonly add: Add }).add);
  const dump = (documents: readonly Record<string, unknown>[], minutes: number) =>
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, at(minutes));

  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 1, targetFileSize: '100KB', rowGroupSize: 2048, deletes: 'soft' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterAll(() => space.close());

  it('go with the sync that reads them; every engine reads the table, in which one file has no rows', {
    timeout: SLOW_MS,
  }, async () => {
    const text = (_id: number) => `${(_id * 2_654_435_761) % 2 ** 32} ${(_id * 40_503) % 65_521} ${_id * 7}`;
    dump(
      Array.from({ length: ROWS }, (_, _id) => ({ _id, text: text(_id), updateTime: at(0) })),
      60,
    );
    await space.json('sync');
    const second = adds(0)[1];
    const [from, to] = [Number(second?.tags['mongolake.lower']), Number(second?.tags['mongolake.upper'])];
    expect(to - from).toBeGreaterThan(1000);
    dump(
      Array.from({ length: to - from }, (_, i) => ({ _id: from + i, deletedAt: at(70), updateTime: at(70) })),
      120,
    );
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ version: 1, read: to - from, deleted: to - from, inserted: 0, updated: 0 }]);
    expect(adds(1).map(({ stats }) => JSON.parse(stats).numRecords)).toEqual([0]);
    const left = Array.from({ length: ROWS }, (_, i) => i).filter((id) => id < from || id >= to);
    const engines: readonly Engine[] = [...LIGHT_ENGINES, 'spark'];
    for (const engine of engines) {
      const ids = (await readTable(engine, table(), { columns: ['_id'] })).map(({ _id }) => _id);
      expect([engine, ids]).toEqual([engine, left]);
      const none = await readTable(engine, table(), { columns: ['_id'], where: `_id >= ${from} AND _id < ${to}` });
      expect([engine, none]).toEqual([engine, []]);
    }
    // One comes back where its neighbours were.
    dump([{ _id: from + 5, text: 'back', updateTime: at(130) }], 180);
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, inserted: 1 }]);
    expect(await readTable('duckdb', table(), { where: `_id = ${from + 5}` })).toMatchObject([{ text: 'back' }]);
  });
});
