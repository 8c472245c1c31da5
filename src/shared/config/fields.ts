import { isIP } from 'node:net';
import { Cron, CronPattern } from 'croner';
import { z } from 'zod';
import type { FixedType } from '../domain/fixed.ts';
import type { Schedule } from '../domain/schedule.ts';
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/** What an editor and the help show of a key. */
export interface Doc {
  readonly description: string;
  readonly examples: readonly unknown[];
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** A value as read, or what was expected instead. The text never quotes the value, which might be a secret. */
type Read<T> = { readonly value: T } | { readonly expected: string };

/** Lets an editor accept a variable where the schema wants anything but a string. */
const VARIABLE = { type: 'string', pattern: '\\$\\{' } as const;

const QUOTE_IT = 'expected a string; quote it';

/** A field that reads YAML's value, or the string that a variable gave, and describes itself to editors by `json`. */
function field<T>(read: (value: unknown) => Read<T>, doc: Doc, json: Record<string, unknown>) {
  return z
    .unknown()
    .transform((value, context): T => {
      const result = read(value);
      if ('value' in result) return result.value;
      context.addIssue({ code: 'custom', message: result.expected });
      return z.NEVER;
    })
    .meta({ ...json, ...doc, examples: [...doc.examples] });
}

/** A string that is not empty and matches `pattern`; `expected` says so in words. Space around it is cut off. */
export function text(doc: Doc, pattern?: RegExp, expected = 'expected a string that is not empty') {
  const read = (value: unknown): Read<string> => {
    if (typeof value !== 'string') return { expected: value === undefined || value === null ? expected : QUOTE_IT };
    const trimmed = value.trim();
    return trimmed !== '' && (pattern?.test(trimmed) ?? true) ? { value: trimmed } : { expected };
  };
  const json = pattern === undefined ? { minLength: 1 } : { pattern: `\\$\\{|${pattern.source}` };
  return field(read, doc, { type: 'string', ...json });
}

/** A string that is not empty, with the space around it: names that a source gives. */
export function exactText(doc: Doc) {
  const read = (value: unknown): Read<string> => {
    return typeof value === 'string' && value !== '' ? { value } : { expected: QUOTE_IT };
  };
  return field(read, doc, { type: 'string', minLength: 1 });
}

/** A whole number. */
export function integer(doc: Doc, { min, max }: Bounds) {
  const read = (value: unknown): Read<number> => {
    const number = asInteger(value);
    if (number !== undefined && number >= min && number <= max) return { value: number };
    return { expected: `expected a whole number from ${min} to ${max}` };
  };
  return field(read, doc, { anyOf: [{ type: 'integer', minimum: min, maximum: max }, VARIABLE] });
}

/** A whole number, or `auto`, which stays as it is. */
export function integerOrAuto(doc: Doc, { min, max }: Bounds) {
  const read = (value: unknown): Read<number | 'auto'> => {
    if (value === 'auto') return { value };
    const number = asInteger(value);
    if (number !== undefined && number >= min && number <= max) return { value: number };
    return { expected: `expected "auto" or a whole number from ${min} to ${max}` };
  };
  return field(read, doc, { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: min, maximum: max }, VARIABLE] });
}

/** `auto` or a power of two up to `max`. */
export function powerOfTwoOrAuto(doc: Doc, max: number) {
  const powers: number[] = [];
  for (let power = 1; power <= max; power *= 2) powers.push(power);
  const read = (value: unknown): Read<number | 'auto'> => {
    if (value === 'auto') return { value };
    const number = asInteger(value);
    if (number !== undefined && powers.includes(number)) return { value: number };
    return { expected: `expected "auto" or a power of two from 1 to ${max}, such as 64` };
  };
  return field(read, doc, { anyOf: [{ const: 'auto' }, { type: 'integer', enum: powers }, VARIABLE] });
}

/** `true` or `false`. */
export function boolean(doc: Doc) {
  const read = (value: unknown): Read<boolean> => {
    if (value === true || value === 'true') return { value: true };
    if (value === false || value === 'false') return { value: false };
    return { expected: 'expected true or false' };
  };
  return field(read, doc, { anyOf: [{ type: 'boolean' }, VARIABLE] });
}

/** One of a few words. */
export function oneOf<const T extends string>(doc: Doc, words: readonly T[]) {
  const read = (value: unknown): Read<T> => {
    const word = words.find((candidate) => candidate === value);
    return word === undefined ? { expected: `expected one of ${words.join(', ')}` } : { value: word };
  };
  return field(read, doc, { anyOf: [{ type: 'string', enum: [...words] }, VARIABLE] });
}

/** A duration such as `5m`; gives milliseconds. Bounds are milliseconds. */
export function duration(doc: Doc, { min, max }: Bounds) {
  const read = (value: unknown): Read<number> => {
    const result_ms = typeof value === 'string' ? parseDuration(value.trim()) : undefined;
    if (result_ms === undefined) return { expected: 'expected a duration with a unit, such as 90s, 5m, 1h 30m or 7d' };
    if (result_ms >= min && result_ms <= max) return { value: result_ms };
    return { expected: `expected a duration from ${formatDuration(min)} to ${formatDuration(max)}` };
  };
  return field(read, doc, { type: 'string', pattern: `\\$\\{|${DURATION_PATTERN}` });
}

/** A size such as `128MB`; gives bytes. Bounds are bytes. */
export function size(doc: Doc, { min, max }: Bounds) {
  const read = (value: unknown): Read<number> => {
    const result_bytes = typeof value === 'string' ? parseSize(value.trim()) : undefined;
    if (result_bytes === undefined) return { expected: 'expected a size with a unit, such as 128MB or 1GiB' };
    if (result_bytes >= min && result_bytes <= max) return { value: result_bytes };
    return { expected: `expected a size from ${formatSize(min)} to ${formatSize(max)}` };
  };
  return field(read, doc, { type: 'string', pattern: `\\$\\{|${SIZE_PATTERN}` });
}

/** A point in time in ISO 8601 with its zone; gives epoch milliseconds, UTC. */
export function instant(doc: Doc) {
  const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
  const read = (value: unknown): Read<number> => {
    const instant_ms = typeof value === 'string' && pattern.test(value.trim()) ? Date.parse(value.trim()) : Number.NaN;
    if (!Number.isNaN(instant_ms)) return { value: instant_ms };
    return { expected: 'expected a time with its zone, such as 2026-01-31T02:00:00Z' };
  };
  return field(read, doc, { type: 'string', pattern: `\\$\\{|${pattern.source}` });
}

/** `decimal(10,2)` or `10,2`: precision 1 to 38, and a scale of at most the precision. */
export function decimalType(doc: Doc) {
  const pattern = /^(?:decimal\(\s*\d{1,2}\s*,\s*\d{1,2}\s*\)|\d{1,2}\s*,\s*\d{1,2})$/;
  const read = (value: unknown): Read<Pick<FixedType, 'precision' | 'scale'>> => {
    const [precision = 0, scale = 0] = typeof value === 'string' && pattern.test(value.trim()) ? digitsIn(value) : [];
    if (precision >= 1 && precision <= 38 && scale <= precision) return { value: { precision, scale } };
    return {
      expected: 'expected decimal(precision,scale), such as decimal(10,2): precision 1 to 38, scale at most that',
    };
  };
  return field(read, doc, { type: 'string', pattern: `\\$\\{|${pattern.source}` });
}

function digitsIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

/** `none`, an interval of at most 24 days (longer ones overflow Node's timers), or a cron expression in UTC that comes up at least once. */
export function schedule(doc: Doc) {
  const read = (value: unknown): Read<Schedule> => {
    if (typeof value !== 'string') return { expected: SCHEDULE_EXPECTED };
    const trimmed = value.trim();
    if (trimmed === 'none') return { value: { kind: 'none' } };
    const every_ms = parseDuration(trimmed);
    if (every_ms === undefined) return cron(trimmed);
    if (every_ms >= 1000 && every_ms <= 24 * 86_400_000) return { value: { kind: 'every', every_ms } };
    return { expected: 'expected an interval from 1s to 24d; for a longer one use a cron expression' };
  };
  return field(read, doc, { type: 'string', minLength: 1 });
}

const SCHEDULE_EXPECTED = 'expected an interval such as 15m, a cron expression such as "0 3 * * *", or none';

/** Any fixed time: only whether the expression ever comes up is asked. */
const CRON_START = new Date('2024-01-01T00:00:00Z');

function cron(expression: string): Read<Schedule> {
  const options = { mode: '5-or-6-parts' } as const;
  try {
    new CronPattern(expression, 'UTC', options);
  } catch (error) {
    // croner's message may quote the value, so ours stands in for it. Anything but its own two kinds is a bug.
    if (error instanceof TypeError || error instanceof RangeError) return { expected: SCHEDULE_EXPECTED };
    throw error;
  }
  const next = new Cron(expression, { ...options, paused: true, timezone: 'UTC' }).nextRun(CRON_START);
  if (next === null) return { expected: 'expected a cron expression that comes up at least once' };
  return { value: { kind: 'cron', expression } };
}

/** Where a server listens. */
export interface ListenAddress {
  /** A host name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `host:port`; an IPv6 address stands in brackets. */
export function listenAddress(doc: Doc) {
  const pattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/;
  const read = (value: unknown): Read<ListenAddress> => {
    const match = typeof value === 'string' ? pattern.exec(value.trim()) : null;
    const port = Number(match?.[3]);
    const host = match?.[1] ?? match?.[2];
    if (host !== undefined && port <= 65_535) return { value: { host, port } };
    return { expected: 'expected host:port, such as 127.0.0.1:9464 (an IPv6 address in brackets)' };
  };
  return field(read, doc, { type: 'string', pattern: `\\$\\{|${pattern.source}` });
}

/** An address, or a range of them such as `10.0.0.0/8`. */
export function addressRange(doc: Doc) {
  const read = (value: unknown): Read<string> => {
    const trimmed = typeof value === 'string' ? value.trim() : '';
    const [address = '', bits, ...rest] = trimmed.split('/');
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const fits = bits === undefined ? most > 0 : /^\d{1,3}$/.test(bits) && Number(bits) <= most;
    if (fits && rest.length === 0) return { value: trimmed };
    return { expected: 'expected an address such as 10.0.3.7, or a range such as 10.0.0.0/8' };
  };
  return field(read, doc, { type: 'string', minLength: 2 });
}

function asInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
