import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A folder of its own for one test; `remove` deletes it. */
export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'mongolake-source-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes a dump's file as mongodump does: documents back to back, gzipped where the name ends in `.gz`. */
export async function writeDump(file: string, documents: readonly Uint8Array[]): Promise<void> {
  const bytes = Buffer.concat(documents);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, file.endsWith('.gz') ? gzipSync(bytes) : bytes);
}
