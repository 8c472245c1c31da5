import type { Clock } from '../shared/ports/clock.ts';

/** Sorts by time, unique by chance: `20261122t190501z-3f9c2a1b`. Fit for a queue's job id and an object key. */
export function runId(clock: Clock): string {
  const time = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();
  return `${time}z-${clock.randomHex(4)}`;
}

/** Identifies a new table: a version 4 UUID (RFC 9562). */
export function tableId(clock: Clock): string {
  const hex = clock.randomHex(16);
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
