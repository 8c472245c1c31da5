import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Document, serialize } from 'bson';

/** Writes documents as mongodump does: one after the other. `startedAt` goes beside them. */
export function writeDump(file: string, documents: readonly Document[], startedAt?: Date): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(documents.map((document) => serialize(document, { ignoreUndefined: false }))));
  if (startedAt !== undefined)
    writeFileSync(`${dirname(file)}/mongolake-dump.json`, JSON.stringify({ startedAt: startedAt.toISOString() }));
}
