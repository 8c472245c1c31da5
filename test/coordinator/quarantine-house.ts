import { createHash } from 'node:crypto';
import { jsonBody, readJson } from '../../src/shared/documents.ts';
import { BSON } from '../../src/shared/domain/bson.ts';
import { quarantineObjectKey } from '../../src/shared/domain/keys.ts';
import type { ListedDocument, QuarantineManifest } from '../../src/shared/domain/quarantine.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import type { Harness } from './table-harness.ts';

/** As if an older version of mongolake had refused these: they are listed with their bytes, though they can be stored. */
export async function listAsBroken(table: Harness, documents: readonly Buffer[]): Promise<void> {
  table.collection.documents.push(...documents.map(twiceOf));
  await table.sync({ mode: 'backfill' });
  const keys = await table.keys('_mongolake/quarantine/');
  const key = keys.find((name) => name.endsWith('.json')) ?? '';
  const list = await readJson<QuarantineManifest>(table.storage, key);
  const relisted: ListedDocument[] = [];
  for (const document of list.documents) {
    const original = documents.find((one) => one.readInt32LE(9) === Number(document.id));
    relisted.push(original === undefined ? document : await listedAs(table.storage, original, document));
  }
  await table.storage.put(key, jsonBody({ ...list, documents: relisted }));
}

async function listedAs(storage: Storage, bytes: Buffer, document: ListedDocument): Promise<ListedDocument> {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const object = quarantineObjectKey(document.run, digest);
  await storage.put(object, bytes);
  if (document.object !== null) await storage.delete([document.object]);
  return { ...document, digest, object };
}

/** The document with a field more, which is there already. */
function twiceOf(document: Buffer): Buffer {
  return documentOf([document.subarray(4, -1), element(BSON.int32, 'a', int32(1))]);
}
