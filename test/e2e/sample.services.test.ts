import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Decimal128, Long, ObjectId } from 'bson';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { writeDump as writeSample } from '../../examples/sample/dump.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';

/** Few updates, nearly all to recent documents: what is old stays untouched. */
const SAMPLE = { docs: 50_000, seed: 7, updateRatio: 0.0004 };

/** A document of the sample as another engine reads it: the documented mapping, written down once more and independently. */
function expected(document: Record<string, unknown>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(document)) {
    // The amount is a Decimal128 in most documents: that is the column; doubles go to its sibling.
    if (key === 'price') {
      const { amount, ...rest } = value as { amount: unknown };
      row.price = {
        ...(plain(rest) as object),
        ...(amount instanceof Decimal128 ? { amount: amount.toString() } : { amount__double: number(amount) }),
      };
    } else row[key] = plain(value);
  }
  return row;
}

function plain(value: unknown): unknown {
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Date) return value.toISOString().replace('Z', '000Z');
  if (value instanceof Long) return value.toBigInt();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && '_bsontype' in value) return number(value);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}

function number(value: unknown): number {
  return Number((value as { valueOf(): unknown }).valueOf());
}

/** Rows without what is null: a missing field and a null are the same in a table. Integers as BigInt on both sides. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null && item !== undefined)
      .map(([key, item]) => [key, tidy(item)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
}

describeWith(['readers'], 'the sample, from a dump to a folder', () => {
  let space: Workspace;
  const table = () => `${space.folder}/lake/notifications`;
  const files = () =>
    new Map(dataFiles(table()).map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]));
  const versions = () => readdirSync(`${table()}/_delta_log`).filter((name) => name.endsWith('.json')).length;
  const rowsEqual = async (day: 1 | 2) => {
    const rows = await readTable('duckdb', table());
    const documents = [...notifications({ ...SAMPLE, day })];
    expect(rows).toHaveLength(documents.length);
    const byId = new Map(rows.map((row) => [row._id, row]));
    for (const document of documents) {
      const row = byId.get((document._id as ObjectId).toHexString());
      expect(tidy(row)).toEqual(tidy(expected(document as unknown as Record<string, unknown>)));
    }
  };

  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 1, targetFileSize: '1MB', rowGroupSize: 2048, checkpointInterval: 2 },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['*'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterAll(() => space.close());

  it('equals the documents after day one', async () => {
    await writeSample({ ...SAMPLE, out: `${space.folder}/dump` });
    const { results } = await space.json('backfill');
    expect(results).toMatchObject([{ status: 'committed', version: 0, read: 50_000, inserted: 50_000 }]);
    await rowsEqual(1);
  });

  it('equals them row by row after day two, and files of untouched id ranges are the same objects', async () => {
    const before = files();
    await writeSample({ ...SAMPLE, out: `${space.folder}/dump`, day: 2 });
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ status: 'committed', version: 1, inserted: 500, updated: 20, superseded: 0 }]);
    const [result] = results;
    expect(result?.read).toBe(520 + (result?.unchanged ?? 0));
    await rowsEqual(2);
    const entry = readFileSync(`${table()}/_delta_log/00000000000000000001.json`, 'utf8');
    const removed = entry.split('\n').filter((line) => line.startsWith('{"remove"')).length;
    expect(removed).toBe(result?.filesRemoved);
    expect(removed).toBeLessThan(before.size);
    const after = files();
    for (const [path, hash] of before) expect(after.get(path)).toBe(hash);
  });

  it('a second sync with nothing new makes no data file and no version, and exits 0', async () => {
    const [before, known] = [files(), versions()];
    for (let n = 0; n < 2; n++) {
      const { ended, results } = await space.json('sync');
      expect(results).toMatchObject([{ status: 'unchanged', version: null, inserted: 0, updated: 0, filesAdded: 0 }]);
      expect(ended.code).toBe(0);
    }
    expect(files()).toEqual(before);
    expect(versions()).toBe(known);
  });

  it('writes a checkpoint when it is due, and opens the table from it once the entries before it are gone', async () => {
    const { results } = await space.json('sync', '--from', '2026-01-01', '--overwrite');
    expect(results).toMatchObject([{ status: 'unchanged' }]);
    await writeSample({ ...SAMPLE, out: `${space.folder}/dump`, day: 2, updateRatio: 0.05 });
    expect((await space.json('backfill', '--overwrite')).results).toMatchObject([{ version: 2 }]);
    expect(readdirSync(`${table()}/_delta_log`)).toContain('00000000000000000002.checkpoint.parquet');
    expect((await space.json('sync')).results).toMatchObject([{ status: 'unchanged' }]);
    for (const engine of ['duckdb', 'deltars', 'polars'] as const) {
      expect(await readTable(engine, table(), { columns: ['_id'] })).toHaveLength(50_500);
    }
  });
});

function dataFiles(table: string): string[] {
  return readdirSync(`${table}/data`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
}
