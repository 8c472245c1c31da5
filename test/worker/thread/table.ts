import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Document, serialize } from 'bson';
import { foldSchema } from '../../../src/shared/domain/fold.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { emptySketch, sketchDocument } from '../../../src/shared/domain/sketch.ts';
import type { LocalSection, MergedFile, MergeOutcome, WriteOptions } from '../../../src/worker/thread/engine.ts';
import { mergePartition, openEngine } from '../../../src/worker/thread/engine-duckdb.ts';
import { locate } from '../../../src/worker/thread/task.ts';

/** What a test gives for a document: an object to serialize, or BSON bytes as they are. */
export type Doc = Document | Buffer;

/** A file of a partition, on local disk. */
export interface HeldFile extends MergedFile {}

export interface SyncOptions {
  readonly keepNewer?: boolean;
  readonly cursorField?: string;
  readonly write?: Partial<WriteOptions>;
  readonly memoryBytes?: number;
  /** Documents per gzip member. */
  readonly chunk?: number;
}

/** One partition that lives in a folder: each `sync` merges a delta into it as a worker does, without threads and storage. */
export interface LocalTable {
  readonly folder: string;
  schema(): TableSchema;
  files(): readonly HeldFile[];
  /** Merges one delta; `sections` are its extract jobs, in order. */
  sync(sections: readonly (readonly Doc[])[], options?: SyncOptions): Promise<MergeOutcome>;
  remove(): void;
}

/** BSON of a document, as the source gives it. */
export function bson(document: Doc): Buffer {
  return Buffer.isBuffer(document) ? document : Buffer.from(serialize(document, { ignoreUndefined: false }));
}

export function localTable(): LocalTable {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-engine-'));
  let schema: TableSchema | undefined;
  let files: HeldFile[] = [];
  let runs = 0;
  return {
    folder,
    files: () => files,
    schema: () => schema as TableSchema,
    async sync(parts, options = {}) {
      const scratch = join(folder, `run-${runs++}`);
      mkdirSync(scratch);
      const sections = parts.map((documents, ordinal) => writeSection(scratch, ordinal, documents.map(bson), options));
      const sketch = emptySketch();
      for (const document of parts.flat()) sketchDocument(sketch, bson(document), 0);
      const next = foldSchema(schema, sketch);
      const touched =
        files.length < 2 ? files.map((_, i) => i) : locate({ kind: 'locate', schema: next, sections, base: files });
      const base = touched.map((i) => files[i] as HeldFile);
      const outcome = await mergeOnce(scratch, next, sections, base, options);
      const gone = new Set(outcome.removed.map((i) => base[i]));
      files = [...files.filter((file) => !gone.has(file)), ...outcome.added].sort(byLower(next));
      schema = next;
      return outcome;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function mergeOnce(
  scratch: string,
  schema: TableSchema,
  sections: readonly LocalSection[],
  base: readonly HeldFile[],
  options: SyncOptions,
): Promise<MergeOutcome> {
  const connection = await openEngine(options.memoryBytes ?? 1024 ** 3, scratch);
  try {
    return await mergePartition(connection, {
      kind: 'merge',
      scratch,
      memoryBytes: options.memoryBytes ?? 1024 ** 3,
      schema,
      cursorField: options.cursorField ?? 'updateTime',
      sections,
      base,
      keepNewer: options.keepNewer ?? false,
      write: {
        targetFileSize: 1024 ** 3,
        rowGroupSize: 122_880,
        compressionLevel: 1,
        compression: 'snappy',
        ...options.write,
      },
    });
  } finally {
    connection.closeSync();
  }
}

/** A section of one extract job on disk. */
export function writeSection(
  folder: string,
  ordinal: number,
  documents: readonly Buffer[],
  options: { readonly chunk?: number } = {},
): LocalSection {
  const size = options.chunk ?? 1000;
  const packed: Buffer[] = [];
  const chunks: { length: number; rawLength: number }[] = [];
  for (let i = 0; i < documents.length; i += size) {
    const raw = Buffer.concat(documents.slice(i, i + size));
    const gz = gzipSync(raw, { level: 1 });
    packed.push(gz);
    chunks.push({ length: gz.length, rawLength: raw.length });
  }
  const path = join(folder, `section-${ordinal}.bson.gz`);
  writeFileSync(path, Buffer.concat(packed));
  return { path, ordinal, chunks };
}

function byLower(schema: TableSchema): (a: HeldFile, b: HeldFile) => number {
  const { idType } = schema;
  return (a, b) => (a.lower === null ? -1 : b.lower === null ? 1 : compareBound(idType === 'long', a.lower, b.lower));
}

function compareBound(long: boolean, a: string, b: string): number {
  if (long) return BigInt(a) < BigInt(b) ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function sizeOf(file: MergedFile): number {
  return statSync(file.path).size;
}
