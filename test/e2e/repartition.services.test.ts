import { Long } from 'bson';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const ENGINES: readonly Engine[] = [...LIGHT_ENGINES, 'spark'];
/** Spark's first reading takes minutes where others want the machine too. */
const SLOW_MS = 400_000;
const updateTime = new Date('2026-05-01T00:00:00Z');
/** In the order of their texts, which is not that of the numbers. */
const IDS = [-1, -10, Long.MIN_VALUE, 0, 10, 100, 2, Long.MAX_VALUE];
const documents = IDS.map((_id, n) => ({ _id, n, s: { d: -0 }, updateTime }));

describeWith(['readers', 'spark'], 'a table whose ids became strings, as other engines read it', () => {
  let space: Workspace;
  const table = () => `${space.folder}/lake/notifications`;
  const idsAndNumbers = async (engine: Engine, version?: number) => {
    const rows = await readTable(engine, table(), {
      columns: ['_id', 'n'],
      orderBy: ['n'],
      ...(version === undefined ? {} : { version }),
    });
    return rows.map(({ _id, n }) => [_id, n]);
  };

  beforeAll(async () => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 2, checkpointInterval: 2 },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    const file = `${space.folder}/dump/guest/notifications.bson`;
    writeDump(file, documents);
    await space.json('sync');
    await space.json('repartition', '--id-type', 'string');
    writeDump(file, [...documents, { _id: 'A-1', n: 8, updateTime }]);
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, inserted: 1, unchanged: 8 }]);
  });
  afterAll(() => space.close());

  it.each(ENGINES)(
    '%s reads the newest version, from its checkpoint, and each before it',
    async (engine) => {
      const texts = IDS.map((id, n) => [String(id), n]);
      expect(await idsAndNumbers(engine)).toEqual([...texts, ['"A-1"', 8]]);
      expect(await idsAndNumbers(engine, 1)).toEqual(texts);
      const numbers = await idsAndNumbers(engine, 0);
      expect(numbers.map(([id]) => BigInt(id as number | bigint))).toEqual(IDS.map((id) => BigInt(String(id))));
    },
    SLOW_MS,
  );

  it.each(ENGINES)(
    '%s finds a row by its id, past the statistics of files',
    async (engine) => {
      const where = engine === 'spark' ? "`_id` = '2'" : `"_id" = '2'`;
      expect(await readTable(engine, table(), { columns: ['_id', 'n'], where })).toEqual([{ _id: '2', n: 6 }]);
    },
    SLOW_MS,
  );
});
