import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import { vacuumTable } from '../../src/coordinator/vacuum.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import { type Harness, harness } from '../coordinator/table-harness.ts';
import { describeWith } from '../services/context.ts';
import { type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';

const SLOW_MS = 180_000;
const SYNCS = 30;
const NEW = 400;
const SMALL = { targetFileSize: 25_000, rowGroupSize: 2048, checkpointInterval: 7 };
const LARGE = { ...SMALL, targetFileSize: 5_000_000 };
const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`;

let folder: string;
let table: Harness;

/** A table after many small syncs, each of which changed some rows and added some; then it was compacted. */
async function grown(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-compact-'));
  const storage = fileStorage(join(folder, 'lake'), systemClock());
  table = harness({ now: Date.parse('2026-03-01T00:00:00Z'), wrap: () => storage });
  for (let sync = 0; sync < SYNCS; sync++) {
    table.collection.now += 3_600_000;
    const updateTime = new Date(table.collection.now - 60_000);
    const ids = [...Array(20).keys(), ...Array.from({ length: NEW }, (_, i) => 100 + sync * NEW + i)];
    table.collection.documents = ids.map((_id) => ({ _id, n: sync, noise: noise(_id + sync), updateTime }));
    await table.sync({}, SMALL);
  }
}

async function files(): Promise<number> {
  return filesOf(await openState(table.storage)).length;
}

const rows = (engine: Engine, version?: number) =>
  readTable(engine, join(folder, 'lake'), {
    columns: ['_id', 'n', 'noise'],
    orderBy: ['_id'],
    ...(version === undefined ? {} : { version }),
  });

describeWith(['readers'], 'a table that was compacted, as other engines read it', () => {
  beforeAll(grown, SLOW_MS);
  afterAll(async () => {
    await table.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has fewer files and no other row', { timeout: SLOW_MS }, async () => {
    const before = await rows('duckdb');
    expect(before).toHaveLength(20 + SYNCS * NEW);
    const count = await files();
    expect(count).toBeGreaterThan(4);
    expect(await table.compact(LARGE)).toMatchObject({ version: SYNCS, filesRemoved: count, filesAdded: 2 });
    expect(await files()).toBe(2);
    expect(await rows('duckdb')).toEqual(before);
  });

  it.each(LIGHT_ENGINES)(
    '%s reads the same rows before and after, and older versions',
    { timeout: SLOW_MS },
    async (engine) => {
      expect(await rows(engine)).toEqual(await rows(engine, SYNCS - 1));
      expect(await rows(engine)).toHaveLength(20 + SYNCS * NEW);
      expect(await rows(engine, 3)).toHaveLength(20 + 4 * NEW);
    },
  );

  it('goes on with a sync, and loses its old files to a vacuum', { timeout: SLOW_MS }, async () => {
    table.collection.now += 3_600_000;
    const updateTime = new Date(table.collection.now - 60_000);
    table.collection.documents = [{ _id: 7, n: -1, noise: 'changed', updateTime }];
    expect(await table.sync({}, LARGE)).toMatchObject({ version: SYNCS + 1, counts: { updated: 1 }, filesAdded: 1 });
    table.collection.now = Date.now();
    const before = await rows('duckdb');
    const { objects } = await vacuumTable({ retention: 0, leaseTtl: 60_000 }, table.runContext);
    expect(objects.length).toBeGreaterThan(SYNCS);
    for (const engine of LIGHT_ENGINES) expect(await rows(engine)).toEqual(before);
  });
});

describeWith(['readers', 'spark'], 'a table that was compacted, as Spark reads it', () => {
  it('has the rows of before, and older versions', { timeout: SLOW_MS }, async () => {
    await grown();
    try {
      await table.compact(LARGE);
      expect(await rows('spark')).toEqual(await rows('spark', SYNCS - 1));
      expect(await rows('spark')).toHaveLength(20 + SYNCS * NEW);
      expect(await rows('spark', 3)).toHaveLength(20 + 4 * NEW);
    } finally {
      await table.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
