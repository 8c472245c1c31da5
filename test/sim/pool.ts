import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize } from 'bson';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { partitionOf } from '../../src/shared/domain/hash.ts';
import { separator, storedIdHash } from '../../src/shared/domain/ids.ts';
import type { MergePool } from '../../src/worker/pool.ts';
import { documentId } from '../../src/worker/thread/document-id.ts';
import type {
  CompactTask,
  IdRange,
  MergedFile,
  MergeOutcome,
  MergeTask,
  RewriteOutcome,
  RewriteTask,
} from '../../src/worker/thread/engine.ts';
import { sectionBlocks } from '../../src/worker/thread/sections.ts';
import { shuffle } from '../../src/worker/thread/shuffle.ts';
import { locate } from '../../src/worker/thread/task.ts';
import type { SimProcess } from './process.ts';
import { compareIdTexts, decodeRows, encodeRows, type Row } from './rows.ts';
import type { World } from './world.ts';

type Merge = Omit<MergeTask, 'memoryBytes'>;
type Rewrite = Omit<RewriteTask, 'memoryBytes'>;
type Compact = Omit<CompactTask, 'memoryBytes'>;

/** Longest merge, milliseconds. */
const MERGE_MS = 3_000;

/** Merges as the engines do, rows of the simulation instead of Parquet: at one moment of the timeline, some time after it was asked. */
export function createPool(world: World, process: SimProcess): MergePool {
  const chance = world.chance(`pool of ${process.name}`);
  const { rowsPerFile } = world.options;
  const thread = <T>(work: () => T, signal: AbortSignal): Promise<T> =>
    process.clock.sleep(chance.integer(1, MERGE_MS), signal).then(work);
  return {
    merge: (task, signal) => thread(() => merge(task, rowsPerFile), signal),
    compare: () => Promise.reject(new Error('the simulation verifies nothing')),
    rewrite: (task, signal) => thread(() => rewrite(task, rowsPerFile), signal),
    compact: (task, signal) => thread(() => compact(task), signal),
    locate: (task, signal) => thread(() => locate(task), signal),
    shuffle: (task, signal) => thread(() => shuffle(task), signal),
    close: async () => undefined,
  };
}

/** The delta's readings, one for each id: the last by (cursor, ordinal, place). */
function readDelta(task: Merge): { readonly read: number; readonly rows: readonly Row[] } {
  const latest = new Map<string, Row>();
  let read = 0;
  for (const documents of sectionBlocks(task.sections)) {
    for (let at = 0; at < documents.length; at += documents.readInt32LE(at)) {
      const row = rowOf(documents, at, task.schema.idType);
      const known = latest.get(row.id);
      if (known === undefined || row.cursor >= known.cursor) latest.set(row.id, row);
      read += 1;
    }
  }
  return { read, rows: sorted(task, [...latest.values()]) };
}

function rowOf(documents: Buffer, at: number, idType: MergeTask['schema']['idType']): Row {
  const { revision, updateTime } = deserialize(documents.subarray(at, at + documents.readInt32LE(at)));
  return { id: String(documentId(documents, at, idType)), revision, cursor: (updateTime as Date).getTime() };
}

function sorted({ schema }: Pick<Merge, 'schema'>, rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => compareIdTexts(schema.idType, a.id, b.id));
}

function merge(task: Merge, rowsPerFile: number): MergeOutcome {
  const delta = readDelta(task);
  const counts = { read: delta.read, inserted: 0, updated: 0, deleted: 0, unchanged: 0, superseded: 0 };
  counts.superseded = delta.read - delta.rows.length;
  const added: MergedFile[] = [];
  const removed: number[] = [];
  const files = task.base.length === 0 ? [undefined] : task.base;
  const taken = new Set<Row>();
  for (const [index, file] of files.entries()) {
    const range = file ?? { lower: null, upper: null };
    const own = delta.rows.filter(
      (row) => !taken.has(row) && contains(task, range, row.id, index === files.length - 1),
    );
    for (const row of own) taken.add(row);
    const rows = new Map((file === undefined ? [] : readFile(file.path)).map((row) => [row.id, row]));
    let changes = 0;
    for (const row of own) {
      const known = rows.get(row.id);
      const outcome = outcomeOf(task, known, row);
      counts[outcome] += 1;
      if (outcome !== 'inserted' && outcome !== 'updated') continue;
      rows.set(row.id, row);
      changes += 1;
    }
    if (changes === 0) continue;
    added.push(...writeFiles(task, `${index}`, range, sorted(task, [...rows.values()]), rowsPerFile));
    if (file !== undefined) removed.push(index);
  }
  return { counts, added, removed };
}

/** Like the engines, which stream both sides in order: what lies below a file's upper bound goes into it, the rest into the last. */
function contains({ schema }: Merge, { upper }: IdRange, id: string, isLast: boolean): boolean {
  return isLast || upper === null || compareIdTexts(schema.idType, id, upper) < 0;
}

function outcomeOf(
  { keepRows }: Merge,
  known: Row | undefined,
  row: Row,
): 'inserted' | 'updated' | 'unchanged' | 'superseded' {
  if (known === undefined) return 'inserted';
  if (keepRows === 'newer' && known.cursor > row.cursor) return 'superseded';
  if (keepRows === 'notOlder' && row.cursor <= known.cursor) return 'superseded';
  return known.revision === row.revision ? 'unchanged' : 'updated';
}

function rewrite(task: Rewrite, rowsPerFile: number): RewriteOutcome {
  const rows = sorted(
    task,
    task.base.flatMap(({ path }) => readFile(path)),
  );
  const { idType } = task.schema;
  const hashOf = ({ id }: Row) => storedIdHash(idType === 'long' ? BigInt(id) : Buffer.from(id), idType);
  const added = task.into.partitions.flatMap((partition) => {
    const own = rows.filter((row) => partitionOf(hashOf(row), task.into.of) === partition);
    const files = writeFiles(task, `${partition}`, { lower: null, upper: null }, own, rowsPerFile);
    return files.map((file) => ({ ...file, partition }));
  });
  return { added, rows: rows.length };
}

function compact(task: Compact): MergedFile {
  const rows = task.base.flatMap(({ path }) => readFile(path));
  const range = { lower: task.base[0]?.lower ?? null, upper: task.base.at(-1)?.upper ?? null };
  const [file] = writeFiles(task, 'joined', range, rows, Number.POSITIVE_INFINITY);
  if (file === undefined) throw new Error('the simulation has no file without rows');
  return file;
}

function readFile(path: string): readonly Row[] {
  try {
    return decodeRows(readFileSync(path));
  } catch (error) {
    throw new MongolakeError('OBJECT_CORRUPT', `${path} is no data file`, { cause: error });
  }
}

/** Writes rows over a range of ids, into files of a few rows each whose ranges tile it. */
function writeFiles(
  { schema, scratch }: Pick<Merge, 'schema' | 'scratch'>,
  name: string,
  range: IdRange,
  rows: readonly Row[],
  rowsPerFile: number,
): readonly MergedFile[] {
  const parts: Row[][] = [];
  for (let from = 0; from < rows.length; from += rowsPerFile) parts.push(rows.slice(from, from + rowsPerFile));
  const bounds = parts
    .slice(1)
    .map((part, i) => separator(schema.idType, parts[i]?.at(-1)?.id ?? '', part[0]?.id ?? ''));
  return parts.map((part, i) => {
    const path = join(scratch, `out-${name}-${i}.json`);
    const body = encodeRows(part);
    writeFileSync(path, body);
    const lower = bounds[i - 1] ?? range.lower;
    const upper = bounds[i] ?? range.upper;
    return { path, size: body.length, rows: part.length, lower, upper, stats: `{"numRecords":${part.length}}` };
  });
}
