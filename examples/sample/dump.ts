import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { serializeWithBufferAndIndex } from 'bson';
import { notifications, type SampleOptions, samplePlan } from './collection.ts';
import type { Notification } from './notification.ts';

/** The namespace that is dumped or filled. */
export const DATABASE = 'guest';
export const COLLECTION = 'notifications';

/** Called now and then with the documents done so far. */
export type Progress = (documents: number) => void;
const PROGRESS_EVERY = 10_000;

export interface DumpOptions extends SampleOptions {
  /** The dump's folder; made if missing. */
  readonly out: string;
  /** As `mongodump --gzip`: `.bson.gz` and `.metadata.json.gz`. */
  readonly gzip?: boolean;
  readonly onProgress?: Progress;
}

export interface DumpSummary {
  /** The `.bson` or `.bson.gz` file. */
  readonly path: string;
  readonly documents: number;
  /** Of BSON, before any compression. */
  readonly bytes: number;
  readonly updated: number;
  readonly inserted: number;
  readonly startedAt: Date;
}

const CHUNK_BYTES = 1 << 20;
/** More than the largest document. */
const HEADROOM_BYTES = 16 << 10;

/**
 * Writes the collection as mongodump would, and `mongolake-dump.json` beside it, which says when the dump was started.
 * A dump of an earlier call in `out` is replaced; one that was broken off leaves no `mongolake-dump.json`.
 */
export async function writeDump(options: DumpOptions): Promise<DumpSummary> {
  const plan = samplePlan(options);
  const { gzip = false } = options;
  const folder = join(options.out, DATABASE);
  const name = (suffix: string): string => join(folder, `${COLLECTION}.${suffix}`);
  const about = join(folder, 'mongolake-dump.json');
  await mkdir(folder, { recursive: true });
  for (const old of ['bson', 'bson.gz', 'bson.partial', 'bson.gz.partial', 'metadata.json', 'metadata.json.gz'])
    await rm(name(old), { force: true });
  await rm(about, { force: true });

  const path = name(gzip ? 'bson.gz' : 'bson');
  const written = { documents: 0, bytes: 0 };
  const source = Readable.from(bsonChunks(counted(notifications(options), written, options.onProgress), written));
  const target = createWriteStream(`${path}.partial`);
  await (gzip ? pipeline(source, createGzip(), target) : pipeline(source, target));
  await rename(`${path}.partial`, path);

  const metadata = Buffer.from(metadataJson(plan.seed));
  await writeFile(name(gzip ? 'metadata.json.gz' : 'metadata.json'), gzip ? gzipSync(metadata) : metadata);
  const startedAt = new Date(plan.startedAt);
  await writeFile(about, `${JSON.stringify({ startedAt })}\n`);
  return { path, ...written, updated: plan.updated, inserted: plan.inserted, startedAt };
}

function* counted(
  documents: Iterable<Notification>,
  written: { documents: number },
  onProgress: Progress | undefined,
): Generator<Notification, void, undefined> {
  for (const document of documents) {
    yield document;
    written.documents++;
    if (written.documents % PROGRESS_EVERY === 0) onProgress?.(written.documents);
  }
}

/** The documents back to back, which is all that a mongodump file is. Each chunk is a buffer of its own. */
function* bsonChunks(
  documents: Iterable<Notification>,
  written: { bytes: number },
): Generator<Buffer, void, undefined> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let end = 0;
  for (const document of documents) {
    const start = end;
    end = serializeWithBufferAndIndex(document, chunk, { index: start }) + 1;
    written.bytes += end - start;
    if (end > CHUNK_BYTES - HEADROOM_BYTES) {
      yield chunk.subarray(0, end);
      chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      end = 0;
    }
  }
  if (end > 0) yield chunk.subarray(0, end);
}

/** The indexes in canonical Extended JSON, as mongodump writes them. The UUID is made of the seed. */
function metadataJson(seed: number): string {
  const index = (field: string, name: string) => ({
    v: { $numberInt: '2' },
    key: { [field]: { $numberInt: '1' } },
    name,
  });
  return JSON.stringify({
    indexes: [index('_id', '_id_'), index('updateTime', 'updateTime_1')],
    uuid: `${seed.toString(16).padStart(8, '0')}6d6f4e678c616b6500000001`,
    collectionName: COLLECTION,
    type: 'collection',
  });
}
