import { MongolakeError } from './domain/errors.ts';
import type { Source } from './ports/source.ts';
import type { Storage } from './ports/storage.ts';

/** Lists of ids as a source: the part of a range is the key of a list, whose documents are looked up in the collection. */
export function idSource(storage: Storage, source: Source): Source {
  return {
    ...source,
    estimate: async () => ({ documents: undefined, bytes: undefined }),
    async *read({ part }, signal, projection) {
      yield* source.lookUp(await readList(storage, part ?? ''), signal, projection);
    },
  };
}

/** The bytes of a list of ids. Throws `OBJECT_MISSING`. */
export async function readList(storage: Storage, key: string): Promise<Buffer> {
  const found = await storage.get(key);
  if (found !== undefined) return found.body;
  throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key} is not there`, {
    hint: 'Its run was given up and cleaned. Start it again.',
  });
}
