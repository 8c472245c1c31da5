import { bufferOf } from '../buffers.ts';
import { startChecksum } from '../checksum.ts';
import type { Action } from './actions.ts';

/**
 * A log entry of ours carries the CRC-32 of its own bytes as `crc32` in what its commitInfo says of `mongolake`: of all of them, with
 * zeros where the checksum stands. Entries of other writers, and of our older versions, have none.
 */
const NONE_YET = '00000000';

/** The actions with a place for the checksum, where one of them is a commitInfo of ours. */
export function withChecksumPlace(actions: readonly Action[]): readonly Action[] {
  return actions.map((action) => {
    const own = ownFields(action);
    if (own === undefined || !('commitInfo' in action)) return action;
    return { commitInfo: { ...action.commitInfo, mongolake: { ...own, crc32: NONE_YET } } };
  });
}

/** Writes the checksum into its place, if there is one. Changes `entry`. */
export function putChecksum(entry: Buffer): Buffer {
  const at = placeOf(entry, NONE_YET);
  if (at !== undefined) entry.write(checksumAround(entry, at), at, 'latin1');
  return entry;
}

/** False where the entry carries a checksum and is not what it was made of. `actions` are the entry's. */
export function isIntact(entry: Uint8Array, actions: readonly Action[]): boolean {
  const told = actions.map((action) => ownFields(action)?.crc32).find((crc32) => crc32 !== undefined);
  if (told === undefined) return true;
  const bytes = bufferOf(entry);
  const at = placeOf(bytes, String(told));
  return at !== undefined && checksumAround(bytes, at) === told;
}

function ownFields(action: Action): Readonly<Record<string, unknown>> | undefined {
  const own = 'commitInfo' in action ? action.commitInfo.mongolake : undefined;
  return typeof own === 'object' && own !== null ? (own as Readonly<Record<string, unknown>>) : undefined;
}

/** Where the digits stand. Inside of a string the quotes would be escaped, so the first that look like it are it. */
function placeOf(entry: Buffer, digits: string): number | undefined {
  const name = '"crc32":"';
  const at = entry.indexOf(`${name}${digits}"`);
  return at === -1 ? undefined : at + name.length;
}

function checksumAround(entry: Buffer, at: number): string {
  const sum = startChecksum();
  sum.add(entry.subarray(0, at));
  sum.add(NONE_YET);
  sum.add(entry.subarray(at + NONE_YET.length));
  return sum.text;
}
