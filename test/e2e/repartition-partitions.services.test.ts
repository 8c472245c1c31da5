import { ObjectId } from 'bson';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const SLOW_MS = 120_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
const document = (n: number, minutes = 0) => ({
  _id: n % 2 === 0 ? new ObjectId(n.toString(16).padStart(24, '0')) : `id ${n}`,
  n,
  updateTime: at(minutes),
});
const COUNT = 400;
const documents = Array.from({ length: COUNT }, (_, n) => document(n));

describeWith(['readers'], 'a table whose partitions were doubled and halved, as other engines read it', () => {
  let space: Workspace;
  const rows = (engine: (typeof LIGHT_ENGINES)[number], version?: number) =>
    readTable(engine, `${space.folder}/lake/notifications`, {
      columns: ['_id', 'n'],
      orderBy: ['n'],
      ...(version === undefined ? {} : { version }),
    });

  beforeAll(async () => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 4, checkpointInterval: 2 },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, at(60));
    await space.json('sync');
  }, SLOW_MS);
  afterAll(() => space.close());

  it('is doubled, then joined into one, in a version each', { timeout: SLOW_MS }, async () => {
    expect((await space.run('repartition', '--partitions', '6')).code).toBe(64);
    expect((await space.json('repartition', '--partitions', '8')).results).toMatchObject([
      { status: 'committed', version: 1, read: 0, inserted: 0, partitionsTouched: 4, filesAdded: 8, filesRemoved: 4 },
    ]);
    expect((await space.json('status')).results).toMatchObject([{ partitions: 8, rows: COUNT }]);
    const { stdout } = await space.run('repartition', '--partitions', '1');
    expect(stdout).toMatch(/version 2 {2}it has 1 partition now/);
    expect((await space.run('repartition', '--partitions', '1')).stdout).toMatch(
      /nothing to do {2}it has 1 partition already/,
    );
    expect((await space.run('plan')).stdout).toContain(
      'the table keeps its number of partitions (1), the configuration says 4: `mongolake repartition --partitions 4`',
    );
  });

  it('takes the next delta as any table does', { timeout: SLOW_MS }, async () => {
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [...documents, document(0, 61), document(COUNT, 61)],
      at(120),
    );
    expect((await space.json('sync')).results).toMatchObject([{ version: 3, inserted: 1, updated: 1 }]);
  });

  it.each(LIGHT_ENGINES)('%s reads the same rows in every version', { timeout: SLOW_MS }, async (engine) => {
    const before = await rows(engine, 0);
    expect(before).toHaveLength(COUNT);
    expect(await rows(engine, 1)).toEqual(before);
    expect(await rows(engine, 2)).toEqual(before);
    expect((await rows(engine)).slice(0, COUNT)).toEqual(before);
    expect(await rows(engine)).toHaveLength(COUNT + 1);
  });
});
