/** Durations and sizes as people write them. Pure. */

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  Ki: 2 ** 10,
  KiB: 2 ** 10,
  Mi: 2 ** 20,
  MiB: 2 ** 20,
  Gi: 2 ** 30,
  GiB: 2 ** 30,
  Ti: 2 ** 40,
  TiB: 2 ** 40,
};

const NUMBER = '[0-9]+(?:\\.[0-9]+)?';
const DURATION_PART = `${NUMBER} ?(?:${Object.keys(DURATION_MS).join('|')})`;

/** What `parseDuration` takes, as the source of an anchored regular expression. */
export const DURATION_PATTERN = `^${DURATION_PART}(?: ?${DURATION_PART})*$`;

/** What `parseSize` takes, as the source of an anchored regular expression. */
export const SIZE_PATTERN = `^${NUMBER} ?(?:${Object.keys(SIZE_BYTES).join('|')})$`;

/** `5m`, `90s`, `1h 30m` in whole milliseconds (rounded); `undefined` for anything else, a bare number included. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  return Math.round(sum(text, DURATION_MS));
}

/** `128MB` (10^6) or `1GiB` (2^30), also `512Mi`, in whole bytes (rounded); `undefined` for anything else, a bare number included. */
export function parseSize(text: string): number | undefined {
  if (!new RegExp(SIZE_PATTERN).test(text)) return undefined;
  return Math.round(sum(text, SIZE_BYTES));
}

function sum(text: string, units: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+) ?([A-Za-z]+)/g)) {
    total += Number(amount) * (units[unit ?? ''] ?? Number.NaN);
  }
  return total;
}

/** Milliseconds as `parseDuration` reads them, in the largest unit that is exact: `300000` is `5m`. */
export function formatDuration(duration_ms: number): string {
  return inUnits(duration_ms, DURATION_MS);
}

/** Bytes as `parseSize` reads them, in the largest unit that is exact: `128000000` is `128MB`. */
export function formatSize(size_bytes: number): string {
  return inUnits(size_bytes, SIZE_BYTES);
}

function inUnits(amount: number, units: Readonly<Record<string, number>>): string {
  let best: [string, number] | undefined;
  for (const [unit, factor] of Object.entries(units)) {
    if (amount % factor === 0 && (best === undefined || factor > best[1])) best = [unit, factor];
  }
  const [unit, factor] = best ?? ['', 1];
  return `${amount / factor}${unit}`;
}
