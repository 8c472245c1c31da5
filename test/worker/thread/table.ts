import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, serialize } from 'bson';
import { checksumOf } from '../../../src/shared/domain/checksum.ts';
import type { Cursor } from '../../../src/shared/domain/cursor.ts';
import { flipDeletion, isDeletionAt } from '../../../src/shared/domain/deletion.ts';
import { FOLD_LIMITS, foldSchema } from '../../../src/shared/domain/fold.ts';
import { compareIds } from '../../../src/shared/domain/ids.ts';
import type { EngineName, KeptRows, WriteSettings } from '../../../src/shared/domain/plan.ts';
import { type ColumnPolicy, type FieldPolicy, fieldPolicies } from '../../../src/shared/domain/policy.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { createSketcher } from '../../../src/shared/domain/sketcher.ts';
import { blockHeader, pack } from '../../../src/shared/packing.ts';
import type { LocalSection, MergedFile, MergeOutcome } from '../../../src/worker/thread/engine.ts';
import { locate, merge } from '../../../src/worker/thread/task.ts';

/** What a test gives for a document: fields to serialize, or BSON bytes as they are. */
export type Doc = Document | Buffer;

export type HeldFile = MergedFile;

export interface SyncOptions {
  /** The table's own unless given. */
  readonly engine?: EngineName;
  readonly keepNewer?: boolean;
  readonly keepRows?: KeptRows;
  /** `updateTime`, a date, unless given. */
  readonly cursor?: Cursor;
  readonly write?: Partial<WriteSettings>;
  /** What is configured of columns. */
  readonly columns?: ColumnPolicy;
  /** 1 GB unless given. */
  readonly memoryBytes?: number;
  /** Documents per chunk. */
  readonly chunk?: number;
}

/** One partition in a folder: each `sync` merges a delta into it as a worker does, without threads and storage. */
export interface LocalTable {
  readonly folder: string;
  /** Of the last sync. */
  schema(): TableSchema;
  /** In the order of their ranges. */
  files(): readonly HeldFile[];
  /** Merges one delta; `sections` are its extract jobs, in order. */
  sync(sections: readonly (readonly Doc[])[], options?: SyncOptions): Promise<MergeOutcome>;
  remove(): void;
}

/** BSON of a document, as the source gives it. */
export function bson(document: Doc): Buffer {
  return Buffer.isBuffer(document) ? document : Buffer.from(serialize(document, { ignoreUndefined: false }));
}

/** The deletion of a document. */
export function deletion(document: Doc): Buffer {
  const bytes = bson(document);
  flipDeletion(bytes, 0);
  return bytes;
}

/** `inner` is a folder's name that all files are below of. */
export function localTable(engine: EngineName, inner = '.'): LocalTable {
  const outer = mkdtempSync(join(tmpdir(), 'mongolake-engine-'));
  const folder = join(outer, inner);
  mkdirSync(folder, { recursive: true });
  let schema: TableSchema | undefined;
  let files: readonly HeldFile[] = [];
  let runs = 0;
  return {
    folder,
    files: () => files,
    schema: () => schema as TableSchema,
    async sync(parts, options = {}) {
      const scratch = join(folder, `run-${runs++}`);
      mkdirSync(scratch);
      const documents = parts.map((part) => part.map(bson));
      const sections = documents.map((part, ordinal) => writeSection(scratch, ordinal, part, options.chunk));
      schema = folded(schema, documents.flat(), fieldPolicies(options.columns));
      const base = touched(schema, sections, files);
      const outcome = await mergeInto(scratch, schema, sections, base, { engine, ...options });
      const gone = new Set(outcome.removed.map((i) => base[i]));
      const kept = files.filter((file) => !gone.has(file));
      files = [...kept, ...outcome.added].sort(byLower(schema));
      return outcome;
    },
    remove: () => rmSync(outer, { recursive: true, force: true }),
  };
}

export function folded(
  schema: TableSchema | undefined,
  documents: readonly Buffer[],
  policy?: FieldPolicy,
): TableSchema {
  const sketcher = createSketcher(policy);
  for (const document of documents) if (!isDeletionAt(document, 0)) sketcher.take(document, 0);
  return foldSchema(schema, sketcher.sketch(), FOLD_LIMITS, policy);
}

function touched(
  schema: TableSchema,
  sections: readonly LocalSection[],
  files: readonly HeldFile[],
): readonly HeldFile[] {
  if (files.length < 2) return files;
  return locate({ kind: 'locate', schema, sections, base: files }).map((i) => files[i] as HeldFile);
}

const WRITE: WriteSettings = {
  targetFileSize: 1024 ** 3,
  rowGroupSize: 122_880,
  compression: 'snappy',
  compressionLevel: 1,
};

function mergeInto(
  scratch: string,
  schema: TableSchema,
  sections: readonly LocalSection[],
  base: readonly HeldFile[],
  options: SyncOptions & { readonly engine: EngineName },
): Promise<MergeOutcome> {
  return merge({
    kind: 'merge',
    engine: options.engine,
    scratch,
    memoryBytes: options.memoryBytes ?? 1024 ** 3,
    schema,
    cursor: options.cursor ?? { field: 'updateTime', type: 'date' },
    sections,
    base,
    keepRows: options.keepRows ?? (options.keepNewer ? 'newer' : 'none'),
    write: { ...WRITE, ...options.write },
  });
}

/** A section of one extract job on disk, `size` documents to a chunk. */
export function writeSection(folder: string, ordinal: number, documents: readonly Buffer[], size = 1000): LocalSection {
  const packed: Buffer[] = [];
  const chunks: { length: number; rawLength: number; crc32: string }[] = [];
  for (let i = 0; i < documents.length; i += size) {
    const raw = Buffer.concat(documents.slice(i, i + size));
    const block = pack(raw);
    const chunk = Buffer.concat([blockHeader(block.length), block]);
    packed.push(chunk);
    chunks.push({ length: chunk.length, rawLength: raw.length, crc32: checksumOf(chunk) });
  }
  const path = join(folder, `section-${ordinal}.bson.snappy`);
  writeFileSync(path, Buffer.concat(packed));
  return { path, segment: `segment ${ordinal}`, ordinal, chunks };
}

function byLower({ idType }: TableSchema): (a: HeldFile, b: HeldFile) => number {
  return (a, b) => (a.lower === null ? -1 : b.lower === null ? 1 : compareIds(idType, a.lower, b.lower));
}

export function sizeOf(file: MergedFile): number {
  return statSync(file.path).size;
}
