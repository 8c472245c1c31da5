import { jsonBody, readJson } from '../shared/documents.ts';
import type { ErasedManifest } from '../shared/domain/erased.ts';
import { erasedListKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { erasedApp, type TableState } from './table.ts';

/** A version, as far as it names its list of erased ids. */
type Listed = Pick<TableState, 'snapshot' | 'namespace'>;

/** The number of the list of erased ids that a version names; `undefined` where no id of the table was ever erased. */
export function erasedNumber({ snapshot, namespace }: Listed): number | undefined {
  const txn = snapshot.txns.get(erasedApp(namespace));
  return txn && Number(txn.version);
}

/** The part of a plan that says which list a run on this version goes by. */
export function erasedOf(state: Listed | undefined): Pick<Plan, 'erased'> {
  const erased = state && erasedNumber(state);
  return erased === undefined ? {} : { erased };
}

/** Whether the run gives the table another list of erased ids. */
export function changesErased({ erased }: Pick<Plan, 'erased'>, state: Listed | undefined): boolean {
  return erased !== undefined && state !== undefined && erased !== erasedNumber(state);
}

/** The digests that a version lists; none where it names no list. Errors: `OBJECT_MISSING`, those of the storage. */
export async function listedDigests(storage: Storage, state: Listed): Promise<ReadonlySet<string>> {
  const number = erasedNumber(state);
  if (number === undefined) return new Set();
  return new Set((await readJson<ErasedManifest>(storage, erasedListKey(number))).digests);
}

/** What a list becomes. Identities as `identityAt` tells them. */
export interface ErasedChange {
  readonly kind: 'add' | 'remove';
  readonly identities: readonly string[];
}

/** What was made of a list. */
export interface NewErased {
  /** Of the list that the run's version is to name; that of the old one where it is the same, `undefined` where there is none. */
  readonly number: number | undefined;
  /** Ids that came onto it, or off it. */
  readonly changed: number;
  /** Ids on it. */
  readonly ids: number;
}

/** Writes the list as it is to be, under the first free number from `first` on. Until a version names it nobody reads it. */
export async function writeErased(
  { kind, identities }: ErasedChange,
  state: Listed,
  { run, epoch }: { readonly run: string; readonly epoch: number },
  { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
): Promise<NewErased> {
  const old = erasedNumber(state);
  const before = old === undefined ? undefined : await readJson<ErasedManifest>(storage, erasedListKey(old));
  const salt = before?.salt ?? clock.randomHex(32);
  const { hash } = keyedHash(salt);
  const digests = new Set(before?.digests);
  for (const identity of identities) {
    if (kind === 'add') digests.add(hash(identity));
    else digests.delete(hash(identity));
  }
  const changed = Math.abs(digests.size - (before?.digests.length ?? 0));
  if (changed === 0) return { number: old, changed, ids: digests.size };
  const body = jsonBody({ formatVersion: 1, run, salt, digests: [...digests].sort() } satisfies ErasedManifest);
  for (let number = Math.max(epoch, (old ?? 0) + 1); ; number++) {
    const { written } = await storage.putIfAbsent(erasedListKey(number), body, run);
    if (written) return { number, changed, ids: digests.size };
  }
}
