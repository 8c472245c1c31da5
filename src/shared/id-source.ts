import { readTwice } from './documents.ts';
import { checksumOf } from './domain/checksum.ts';
import type { IdList } from './domain/comparison.ts';
import { MongolakeError } from './domain/errors.ts';
import { documentsOf, wanted } from './domain/id-list.ts';
import type { Source } from './ports/source.ts';
import type { Storage } from './ports/storage.ts';
import { quarantineSource } from './quarantine-source.ts';

/** The lists of one range, as a plan keeps them. */
export function partOf(lists: readonly IdList[]): string {
  return JSON.stringify(lists);
}

/** Lists of ids as a source: the part of a range is some lists, whose documents are looked up in the collection. */
export function idSource(storage: Storage, source: Source): Source {
  return {
    ...source,
    estimate: async () => ({ documents: undefined, bytes: undefined }),
    async *read({ part }, signal, projection, _most, since) {
      const lists: Buffer[] = [];
      for (const list of JSON.parse(part ?? '[]') as IdList[]) lists.push(await readList(storage, list));
      yield* source.lookUp(Buffer.concat(lists), signal, projection, since);
    },
  };
}

/** Lists of ids to be erased as a source, which gives a deletion for each and asks nobody. Errors of its reading: those of `readList`. */
export function erasureSource(storage: Storage, namespace: Source['namespace']): Source {
  return {
    ...quarantineSource(storage, namespace),
    description: 'the ids to be erased',
    async *read({ part }) {
      for (const list of JSON.parse(part ?? '[]') as IdList[]) {
        const deletions = wanted(documentsOf(await readList(storage, list))).deletions();
        if (deletions !== undefined) yield deletions;
      }
    },
  };
}

/** Writes a list of ids, back to back in `body`. */
export async function putList(storage: Storage, key: string, body: Buffer, ids: number): Promise<IdList> {
  await storage.put(key, body);
  return { key, ids, crc32: checksumOf(body) };
}

/** The bytes of a list of ids. Throws `OBJECT_MISSING`, and `OBJECT_CORRUPT` where they are not what was written, also when read again. */
export async function readList(storage: Storage, { key, crc32 }: IdList): Promise<Buffer> {
  return readTwice('OBJECT_CORRUPT', async () => {
    const found = await storage.get(key);
    if (found === undefined) {
      throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key} is not there`, {
        hint: 'Its run was given up and cleaned. Start it again.',
      });
    }
    if (checksumOf(found.body) === crc32) return found.body;
    throw new MongolakeError(
      'OBJECT_CORRUPT',
      `${storage.uri}/${key} is damaged: its checksum is that of other bytes`,
      {
        hint: 'Start the verification again.',
      },
    );
  });
}
