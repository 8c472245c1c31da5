import { parse, stringify } from 'lossless-json';
import { MongolakeError } from '../errors.ts';

/** JSON in which 64-bit integers are what they are. */

const exactNumbers = [
  {
    test: (value: unknown) => typeof value === 'number' && !Number.isFinite(value),
    stringify: (value: unknown) => unwritable(String(value)),
  },
  {
    test: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) !== value,
    stringify: (value: unknown) => unwritable(String(value)),
  },
];

function unwritable(value: string): never {
  throw new MongolakeError('INTERNAL', `${value} can't be written to a log entry: it is no number of 64 bits`);
}

/** A value as JSON, a `bigint` as a plain integer. Throws `INTERNAL` for a number that JSON, or a 64-bit integer, can't hold. */
export function exactJson(value: object): string {
  // JSON.stringify is much the faster one, and as exact where every number is.
  return isExact(value) ? JSON.stringify(value) : String(stringify(value, undefined, undefined, exactNumbers));
}

function isExact(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'bigint') return false;
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

/** A JSON text's value; an integer beyond 2^53 is a `bigint`. Throws what the parsers throw. */
export function parseExact(json: string): unknown {
  // JSON.parse reads 10 MB in the time that the lossless parser takes for one, and is as exact on shorter numbers.
  if (!hasLongNumber(json)) return JSON.parse(json);
  return parse(json, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

/** Whether 16 digits or more stand in a row outside the strings of a JSON text; every integer of fewer is exact as a double. */
function hasLongNumber(json: string): boolean {
  if (!LONG_NUMBER.test(json)) return false;
  let at = 0;
  for (let quote = json.indexOf('"'); quote !== -1; quote = json.indexOf('"', at)) {
    if (LONG_NUMBER.test(json.slice(at, quote))) return true;
    at = stringEnd(json, quote);
  }
  return LONG_NUMBER.test(json.slice(at));
}

const LONG_NUMBER = /\d{16}/;

/** The place after the string that starts at `quote`, or the end of the text where it does not end. */
function stringEnd(json: string, quote: number): number {
  for (let end = json.indexOf('"', quote + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
  return json.length;
}

function parseNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
}
