import { readJson } from './documents.ts';
import { type ErasedIds, type ErasedManifest, erasedIds } from './domain/erased.ts';
import { erasedListKey } from './domain/keys.ts';
import type { Storage } from './ports/storage.ts';

/** A table's list of erased ids by its number, as its runs look ids up in it. Errors: those of `readJson`. */
export async function readErased(storage: Storage, number: number): Promise<ErasedIds> {
  return erasedIds(await readJson<ErasedManifest>(storage, erasedListKey(number)));
}
