import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { serializeWithBufferAndIndex } from 'bson';
import type { BenchDocument } from './document.ts';

const CHUNK_BYTES = 1 << 20;
/** More than the largest document. */
const HEADROOM_BYTES = 4096;

/** The dump's file, within its folder. */
export const DUMP_FILE = join('guest', 'notifications.bson');

/** Writes documents as mongodump would, into an empty folder, with the time when the dump started (epoch milliseconds) beside them. */
export async function writeDump(folder: string, documents: Iterable<BenchDocument>, startedAt: number): Promise<void> {
  const file = join(folder, DUMP_FILE);
  mkdirSync(join(folder, 'guest'), { recursive: true });
  await pipeline(Readable.from(chunks(documents)), createWriteStream(file));
  const about = { startedAt: new Date(startedAt).toISOString() };
  writeFileSync(join(folder, 'guest', 'mongolake-dump.json'), JSON.stringify(about));
}

/** The documents back to back, which is all that a mongodump file is. */
function* chunks(documents: Iterable<BenchDocument>): Generator<Buffer, void, undefined> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let end = 0;
  for (const document of documents) {
    end = serializeWithBufferAndIndex(document, chunk, { index: end }) + 1;
    if (end <= CHUNK_BYTES - HEADROOM_BYTES) continue;
    yield chunk.subarray(0, end);
    chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    end = 0;
  }
  if (end > 0) yield chunk.subarray(0, end);
}
