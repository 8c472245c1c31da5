import { mkdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { openTable } from '../../src/coordinator/log.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import type { Action, AddFile, Snapshot } from '../../src/shared/domain/delta/actions.ts';
import { checkpointKey, encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';
import { statsJson } from '../../src/shared/domain/delta/stats.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { runCommand } from '../services/command.ts';
import { describeWith } from '../services/context.ts';
import { prepareReaders } from '../services/readers/install.ts';
import { closeReaders, type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { required } from '../services/result.ts';

const APP = 'mongolake/guest.bookings';
const CHECKPOINT = 12;
const LAST = 14;
/** Version n removes the file of version n - 10. */
const LIVE = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
const NOW = Date.parse('2026-01-02T03:04:05Z');

const leaf = (name: string, type: unknown): object => ({ name, type, nullable: true, metadata: {} });
const g = { type: 'struct', fields: [leaf('k', 'long')] };
const columns = [leaf('_id', 'string'), leaf('n', 'long'), leaf('d', 'double'), leaf('t', 'timestamp'), leaf('g', g)];

/** Two rows of each file: a long string, a long beyond 2^53 and a difficult double in the first, small values in the second. */
function rowsOf(version: number): readonly Record<string, unknown>[] {
  const end = version % 2 === 0 ? '😀' : '\u{10ffff}';
  const doubles = [-0, 'NaN', 'Infinity', version + 0.5];
  const more = String(100 + version);
  return [
    {
      _id: `${'x'.repeat(31)}${end} and more ${version}`,
      n: 2n ** 62n + BigInt(version),
      d: doubles[version % 4],
      t: `2026-01-02T03:04:05.678${more}Z`,
      g: { k: version },
    },
    { _id: `b${version}`, n: version, d: 0, t: `2026-01-02T03:04:05.000${more}Z`, g: null },
  ];
}

const sqlOf = (row: Record<string, unknown>): string => {
  const k = row.g === null ? 'NULL' : `{'k': ${(row.g as { k: number }).k}::BIGINT}`;
  const d = Object.is(row.d, -0) ? '-0.0' : String(row.d);
  return `('${row._id}', ${row.n}::BIGINT, '${d}'::DOUBLE, TIMESTAMPTZ '${row.t}', ${k})`;
};

function statsOf(version: number): string {
  const [first, second] = rowsOf(version);
  const micros = (millis: number): { micros: bigint } => ({
    micros: BigInt(NOW + millis) * 1000n + 100n + BigInt(version),
  });
  const greatest = [0, 0, Number.POSITIVE_INFINITY, version + 0.5][version % 4] ?? 0;
  return statsJson({
    numRecords: 2,
    columns: [
      { path: ['_id'], min: String(second?._id), max: String(first?._id), nullCount: 0 },
      { path: ['n'], min: BigInt(version), max: 2n ** 62n + BigInt(version), nullCount: 0 },
      { path: ['d'], min: 0, max: greatest, nullCount: 0, hasNaN: version % 4 === 1 },
      { path: ['t'], min: micros(0), max: micros(678), nullCount: 0 },
      { path: ['g', 'k'], min: BigInt(version), max: BigInt(version), nullCount: 1 },
    ],
  });
}

async function writeFile(folder: string, version: number): Promise<AddFile> {
  const name = `data/p 1/${version}%.parquet`;
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const values = rowsOf(version).map(sqlOf).join();
  await connection.run(
    `COPY (SELECT * FROM (VALUES ${values}) t(_id, n, d, t, g)) TO '${join(folder, name)}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  return {
    path: name.split('/').map(encodeURIComponent).join('/'),
    partitionValues: {},
    size: statSync(join(folder, name)).size,
    modificationTime: NOW,
    dataChange: true,
    stats: statsOf(version),
    tags: { 'mongolake.partition': '3', 'mongolake.upper': '\ufeff\u{10ffff}"é' },
  };
}

const FIRST: readonly Action[] = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  {
    metaData: {
      id: '2c1f3a52-5b0e-4c53-a7bc-7f0f3f9f0001',
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify({ type: 'struct', fields: columns }),
      partitionColumns: [],
      configuration: { 'mongolake.partitions': '16' },
      createdTime: NOW,
    },
  },
];

/** A table of 15 versions with a checkpoint at 12, whose entries up to there are gone. */
async function writeTable(folder: string): Promise<Storage> {
  mkdirSync(join(folder, 'data', 'p 1'), { recursive: true });
  const storage = fileStorage(folder, systemClock());
  const paths: string[] = [];
  for (let version = 0; version <= LAST; version++) {
    const add = await writeFile(folder, version);
    paths.push(add.path);
    const removed = paths[version - 10];
    const actions: Action[] = [
      { commitInfo: { timestamp: NOW, operation: 'SYNC' } },
      ...(version === 0 ? FIRST : []),
      { add },
    ];
    if (removed !== undefined) actions.push({ remove: { path: removed, deletionTimestamp: NOW, dataChange: true } });
    actions.push({ txn: { appId: APP, version: 2n ** 62n + BigInt(version) } });
    await storage.put(entryKey(version), encodeEntry(actions));
    if (version === CHECKPOINT) await writeCheckpoint(storage, await stateOf(storage), NOW, 1000);
  }
  await storage.delete(Array.from({ length: CHECKPOINT + 1 }, (_, version) => entryKey(version)));
  return storage;
}

async function stateOf(storage: Storage): Promise<Snapshot> {
  const table = await openTable(storage);
  if (table === undefined) throw new Error('there is no table');
  return table.snapshot;
}

/** Conditions in SQL, and the same on rows: none of them may lose a row to our statistics. */
const CONDITIONS: readonly (readonly [where: string, holds: (row: Record<string, unknown>) => boolean])[] = [
  ['n = 4611686018427387913', ({ n }) => n === 4_611_686_018_427_387_913n],
  ['n > 4611686018427387916', ({ n }) => BigInt(n as bigint) > 4_611_686_018_427_387_916n],
  [`_id > '${'x'.repeat(31)}'`, ({ _id }) => String(_id).startsWith('x')],
  ["_id = 'b7'", ({ _id }) => _id === 'b7'],
  ['d = 0', ({ d }) => d === 0],
  // In all four engines NaN is the greatest.
  ['d > 1e300', ({ d }) => d === 'Infinity' || d === 'NaN'],
  ['d < 0', () => false],
];

const byId = (rows: readonly Record<string, unknown>[]): Record<string, unknown>[] =>
  rows.toSorted((a, b) => Buffer.compare(Buffer.from(String(a._id)), Buffer.from(String(b._id))));
const ROWS = byId(LIVE.flatMap(rowsOf));

async function readsAll(engine: Engine, folder: string): Promise<void> {
  expect(byId(await readTable(engine, folder))).toEqual(ROWS);
  for (const [where, holds] of CONDITIONS) {
    expect(byId(await readTable(engine, folder, { where })), `${engine}: ${where}`).toEqual(ROWS.filter(holds));
  }
}

describeWith(['readers'], 'a table whose early entries a checkpoint replaced', () => {
  let folder = '';
  let storage: Storage;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mongolake-checkpointed-'));
    storage = await writeTable(folder);
  });
  afterAll(async () => {
    await closeReaders();
    await rm(folder, { recursive: true });
  });

  const python = async (code: string): Promise<string> =>
    runCommand(required(await prepareReaders()).python, ['-c', code, folder], { deadlineMs: 60_000 });

  it.each(LIGHT_ENGINES)('is read right by %s', (engine) => readsAll(engine, folder));

  it('tells delta-rs the watermark, all 64 bits of it', async () => {
    const code = `import deltalake, sys; print(deltalake.DeltaTable(sys.argv[1]).transaction_version('${APP}'))`;
    expect((await python(code)).trim()).toBe(String(2n ** 62n + BigInt(LAST)));
  });

  it('is the same to us from a checkpoint that delta-rs made of it, tags and txns included', async () => {
    const ours = await stateOf(storage);
    await python('import deltalake, sys; deltalake.DeltaTable(sys.argv[1]).create_checkpoint()');
    await storage.delete([checkpointKey(CHECKPOINT), entryKey(13), entryKey(14)]);
    const table = await openTable(storage);
    expect(table?.notes).toEqual([]);
    expect(table?.checkpointVersion).toBe(LAST);
    // The tombstones are older than the week that delta-rs keeps them.
    expect(table?.snapshot).toEqual({ ...ours, tombstones: new Map() });
    expect([...(table?.snapshot.files.values() ?? [])][0]?.tags?.['mongolake.upper']).toBe('\ufeff\u{10ffff}"é');
  });
});

describeWith(['spark'], 'a table whose early entries a checkpoint replaced, in Spark', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mongolake-checkpointed-'));
    await writeTable(folder);
  });
  afterAll(async () => {
    await closeReaders();
    await rm(folder, { recursive: true });
  });

  it('is read right', { timeout: 300_000 }, () => readsAll('spark', folder));
});
