import { stat } from 'node:fs/promises';
import { MongolakeError } from '../domain/errors.ts';
import { documentsOf, wanted } from '../domain/id-list.ts';
import type { ExtractRange } from '../domain/job.ts';
import { int32At } from '../domain/little-endian.ts';
import type { Catalog, RawBatch, Source } from '../ports/source.ts';
import { type DumpEntry, isDumpFile, listDump, namespaceOf, startedAtOf } from './source-dump-files.ts';
import { type FrameOptions, frameDocuments } from './source-dump-frame.ts';
import { openDumpFile } from './source-dump-read.ts';

/** How much larger the documents are than their `.gz`, for estimates. JSON-like data deflates to a fifth, give or take half. */
const GZIP_FACTOR = 5;
/** Uncompressed bytes that an estimate looks at. */
const SAMPLE_BYTES = 1024 * 1024;

export interface DumpOptions {
  /** A `.bson` or `.bson.gz` file, a database's folder of them, or a whole mongodump. */
  readonly path: string;
  /** May be left out for one file (the folder's name) and for a database's folder (its name). */
  readonly database?: string;
  /** May be left out for one file: its base name. */
  readonly collection?: string;
  /** When the dump was started, epoch milliseconds; else told by `mongolake-dump.json`, see `startedAtOf`. */
  readonly startedAt?: number;
}

interface Size {
  readonly documents: number | undefined;
  readonly bytes: number;
}

/**
 * One collection of a mongodump. It is one range, read from its first byte to its last: the extractor keeps what is in the
 * window. Throws `CONFIG_INVALID` where the path is a folder and no collection is named.
 */
export function dumpSource(options: DumpOptions): Source {
  const namespace = namespaceFor(options);
  let located: Promise<DumpEntry> | undefined;
  const locate = (): Promise<DumpEntry> => {
    located ??= findEntry(options, namespace);
    return located;
  };
  return {
    description: options.path,
    namespace,
    async clock() {
      const { file } = await locate();
      const serverTime = options.startedAt ?? (await startedAtOf(file));
      const { size, mtimeMs } = await stat(file);
      return { kind: 'dump', serverTime, lastMajorityWrite: undefined, dump: `${file}, ${size} bytes of ${mtimeMs}` };
    },
    estimate: async () => estimateFile(await locate()),
    async ranges(scope) {
      await locate();
      return [{ scope, part: null }];
    },
    read: (_range: ExtractRange, signal?: AbortSignal) => readEntry(locate, signal),
    lookUp: (ids, signal) => searchEntry(locate, ids, signal),
    // Whoever wants to know reads the file, and sees what else is in it on the way.
    countWithoutCursor: async () => undefined,
    // No index can make the reading of a file cheaper.
    indexes: async () => [],
    close: async () => {},
  };
}

/**
 * The collections of a dump. `names` are those of the config, for a dump of one file or of one database that is not named as
 * its path; without a database, those of MongoDB itself (`admin`, `config`, `local`) are left out of a whole dump.
 */
export function dumpCatalog(
  path: string,
  names: { readonly database?: string; readonly collection?: string } = {},
): Catalog {
  return {
    async collections(database) {
      const wanted = database ?? names.database;
      const { kind, entries } = await listDump(path, wanted);
      if (kind === 'dump' && wanted === undefined) return entries.filter(isUserDatabase).map(info);
      if (kind === 'file')
        return entries.map((entry) => ({ ...info(entry), name: names.collection ?? entry.collection }));
      return entries.map(info);
    },
    close: async () => {},
  };
}

function isUserDatabase({ database }: DumpEntry): boolean {
  return database !== 'admin' && database !== 'config' && database !== 'local';
}

function info(entry: DumpEntry) {
  return { database: entry.database, name: entry.collection, documents: undefined, bytes: bytesOf(entry) };
}

function bytesOf({ file, sizeBytes }: DumpEntry): number {
  return file.endsWith('.gz') ? sizeBytes * GZIP_FACTOR : sizeBytes;
}

function namespaceFor({ path, database, collection }: DumpOptions): Source['namespace'] {
  if (isDumpFile(path)) {
    const told = namespaceOf(path);
    return { database: database ?? told.database, collection: collection ?? told.collection };
  }
  if (collection === undefined) {
    const hint = 'Name a collection, or the .bson file itself.';
    throw new MongolakeError('CONFIG_INVALID', `dump ${path}: a folder can hold many collections`, { hint });
  }
  return { database: database ?? namespaceOf(`${path}/any.bson`).database, collection };
}

async function findEntry({ path, database }: DumpOptions, namespace: Source['namespace']): Promise<DumpEntry> {
  const { kind, entries } = await listDump(path, database);
  const [first] = entries;
  if (kind === 'file' && first !== undefined) return first;
  if (kind === 'dump' && database === undefined) {
    const hint = `Name the database; there are: ${[...new Set(entries.map((entry) => entry.database))].join(', ')}.`;
    throw new MongolakeError('CONFIG_INVALID', `dump ${path}: it is a whole mongodump of databases`, { hint });
  }
  const found = entries.find((entry) => entry.collection === namespace.collection);
  if (found !== undefined) return found;
  const message = `dump ${path}: no file of ${namespace.database}.${namespace.collection}`;
  throw new MongolakeError('SOURCE_MISSING', message, {
    hint: `There are: ${entries.map((entry) => entry.collection).join(', ') || 'no .bson files at all'}.`,
  });
}

async function* readEntry(
  locate: () => Promise<DumpEntry>,
  signal?: AbortSignal,
): AsyncGenerator<RawBatch, void, void> {
  signal?.throwIfAborted();
  yield* framesOf((await locate()).file, { signal });
}

/** Reads the whole file for it. */
async function* searchEntry(
  locate: () => Promise<DumpEntry>,
  ids: Buffer,
  signal?: AbortSignal,
): AsyncGenerator<RawBatch, void, void> {
  const rest = wanted(documentsOf(ids));
  for await (const { bytes, offsets, position } of readEntry(locate, signal)) {
    for (const at of offsets) {
      if (!rest.takes(bytes, at)) continue;
      const own = bytes.subarray(at, at + int32At(bytes, at));
      yield { bytes: own, offsets: [0], ...(position === undefined ? {} : { position: position + at }) };
    }
  }
  const deletions = rest.deletions();
  if (deletions !== undefined) yield deletions;
}

async function* framesOf(file: string, options: Omit<FrameOptions, 'file'>): AsyncGenerator<RawBatch, void, void> {
  const opened = await openDumpFile(file);
  try {
    yield* frameDocuments(opened.read, { ...options, file });
  } finally {
    await opened.close();
  }
}

async function estimateFile(entry: DumpEntry): Promise<Size> {
  const bytes = bytesOf(entry);
  const frames = framesOf(entry.file, { batchBytes: SAMPLE_BYTES });
  try {
    const first = await frames.next();
    if (first.done) return { documents: 0, bytes: 0 };
    const sample = { documents: first.value.offsets.length, bytes: first.value.bytes.length };
    if ((await frames.next()).done) return sample;
    return { documents: Math.round(bytes / (sample.bytes / sample.documents)), bytes };
  } finally {
    await frames.return();
  }
}
