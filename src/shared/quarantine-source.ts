import { sha256 } from './digest.ts';
import { readTwice } from './documents.ts';
import { MongolakeError } from './domain/errors.ts';
import { digestOfKey } from './domain/keys.ts';
import type { QuarantinedDocument } from './domain/quarantine.ts';
import type { Source } from './ports/source.ts';
import type { Storage } from './ports/storage.ts';

/** Documents of one extract job. */
const RANGE_DOCUMENTS = 1000;

/**
 * The table's quarantined documents as a source, for the run that tries them again: a dump that does not tell its start. The reader of
 * a range needs no list: the range names the objects. A document whose bytes are withheld is not read.
 */
export function quarantineSource(
  storage: Storage,
  namespace: Source['namespace'],
  documents: readonly QuarantinedDocument[] = [],
): Source {
  const keys = documents.flatMap(({ object }) => (object === null ? [] : [object]));
  return {
    description: `the quarantine of ${storage.uri}`,
    namespace,
    clock: async () => ({ kind: 'dump', serverTime: undefined, lastMajorityWrite: undefined }),
    estimate: async () => ({
      documents: keys.length,
      bytes: documents.reduce((sum, { object, bytes }) => sum + (object === null ? 0 : bytes), 0),
    }),
    async ranges(scope) {
      const parts: string[][] = [[]];
      for (let from = 0; from < keys.length; from += RANGE_DOCUMENTS)
        parts[from / RANGE_DOCUMENTS] = keys.slice(from, from + RANGE_DOCUMENTS);
      return parts.map((part) => ({ scope, part: JSON.stringify(part) }));
    },
    async *read({ part }, signal) {
      for (const key of JSON.parse(part ?? '[]') as string[]) {
        signal?.throwIfAborted();
        yield { bytes: await quarantinedBytes(storage, key, digestOfKey(key)), offsets: [0] };
      }
    },
    // What is listed is told by digests, not by ids.
    lookUp: () => {
      throw new MongolakeError('INTERNAL', 'quarantined documents are not looked up by id');
    },
    countWithoutCursor: async () => undefined,
    indexes: async () => [],
    close: async () => {},
  };
}

/**
 * The bytes of a quarantined document. Throws `OBJECT_MISSING` where it was stored and taken off the list meanwhile, `OBJECT_CORRUPT` where
 * they are not those of `digest` (SHA-256), also when read again.
 */
export async function quarantinedBytes(storage: Storage, key: string, digest: string | undefined): Promise<Buffer> {
  return readTwice('OBJECT_CORRUPT', async () => {
    const found = await storage.get(key);
    if (found === undefined) {
      throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key} is not there`, {
        hint: 'Another run took the document off the list meanwhile, or somebody deleted the object.',
      });
    }
    if (digest === undefined || sha256(found.body) === digest) return found.body;
    throw new MongolakeError('OBJECT_CORRUPT', `${storage.uri}/${key} is damaged: its digest is that of other bytes`, {
      hint: 'Restore the object from a backup, or repair the document in the source and load it anew.',
    });
  });
}
