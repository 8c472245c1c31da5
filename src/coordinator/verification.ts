import { findJson, jsonBody } from '../shared/documents.ts';
import type { Difference } from '../shared/domain/comparison.ts';
import { VERIFICATION_KEY } from '../shared/domain/keys.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** What the last verification of a table found. */
export interface Verification {
  readonly formatVersion: 1;
  readonly run: string;
  /** When it began, epoch milliseconds. */
  readonly checkedAt: number;
  readonly version: number;
  readonly isDeep: boolean;
  /** Whether it was to repair what differed. */
  readonly repairs: boolean;
  readonly differences: Readonly<Record<Difference, number>>;
  readonly unconfirmed: number;
  /** Of the source, and milliseconds without a repair; absent in a note of an older version. */
  readonly documents?: number;
  readonly durationMs?: number;
  /** The version that made it right; `null` where none was made. */
  readonly repairedIn: number | null;
}

export async function noteVerification(storage: Storage, found: Omit<Verification, 'formatVersion'>): Promise<void> {
  await storage.put(VERIFICATION_KEY, jsonBody({ formatVersion: 1, ...found }));
}

/** `undefined` where the table was never verified. */
export async function readVerification(storage: Storage): Promise<Verification | undefined> {
  return (await findJson<Verification>(storage, VERIFICATION_KEY))?.body;
}
