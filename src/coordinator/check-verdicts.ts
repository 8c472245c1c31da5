import type { Cursor, CursorType } from '../shared/domain/cursor.ts';
import { type ErrorCode, MongolakeError } from '../shared/domain/errors.ts';
import type { BoundedCount, IndexInfo } from '../shared/ports/source.ts';
import { candidateFields, countHaving, type Sample } from './sample.ts';

/** One line of `mongolake check`. */
export interface CheckResult {
  /** The part that was proved: `source`, `index`, `store`, … */
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  /** What to do next. */
  readonly hint?: string;
  /** Of a failure; its exit code is the command's where it is the first. */
  readonly code?: ErrorCode;
}

export function ok(name: string, message: string): CheckResult {
  return { name, status: 'ok', message };
}

export function warning(name: string, message: string, hint: string): CheckResult {
  return { name, status: 'warning', message, hint };
}

export function skipped(name: string, message: string): CheckResult {
  return { name, status: 'skipped', message };
}

export function failed(name: string, error: MongolakeError): CheckResult {
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { name, status: 'failed', message: error.message, code: error.code, ...hint };
}

/** Whether the cursor field is the first of an index; `collection` and `field` go into the command that makes one. */
export function indexVerdict(indexes: readonly IndexInfo[], field: string, collection: string): CheckResult {
  const index = indexes.find(({ fields }) => fields[0] === field);
  if (index !== undefined) return ok('index', `${field} is the first field of ${index.name}`);
  return warning(
    'index',
    `no index starts with ${field}: every sync would scan the collection`,
    createIndex(collection, field),
  );
}

/** The command that makes the index, for mongosh. */
export function createIndex(collection: string, field: string): string {
  return `db.getCollection(${JSON.stringify(collection)}).createIndex({ ${JSON.stringify(field)}: 1 })`;
}

/** What a value of each type is called. */
const TYPE_WORDS: Readonly<Record<CursorType, string>> = {
  date: 'a date',
  timestamp: 'a timestamp',
  epochSeconds: 'a number of seconds',
  epochMilliseconds: 'a number of milliseconds',
  objectId: 'an ObjectId',
};

/** How many documents no window meets, and what to do about them. */
export function withoutCursorText({ field, type }: Cursor, { documents, atLeast }: BoundedCount): string {
  const count = `${atLeast ? 'at least ' : ''}${documents.toLocaleString('en-US')}`;
  const have = documents === 1 ? 'document has' : 'documents have';
  return `${count} ${have} no ${field} that is ${TYPE_WORDS[type]}, and no sync meets ${documents === 1 ? 'it' : 'them'}: ${REMEDY}`;
}

const REMEDY = 'set it in every write, or schedule `mongolake backfill`, which reads the whole collection';

/**
 * Whether the documents have the cursor: a sync never meets one without. `without` is their number in the whole collection, where it was
 * counted; the sample tells what to choose instead.
 */
export function cursorVerdict(sample: Sample, cursor: Cursor, without: BoundedCount | undefined): CheckResult {
  const { field, type } = cursor;
  if (sample.length === 0) return ok('cursor', `no document yet to look for ${field} in`);
  const having = countHaving(sample, cursor);
  const share = `${field} is ${TYPE_WORDS[type]} in ${having} of ${sample.length} sampled documents`;
  if (without?.documents === 0 || (without === undefined && having === sample.length)) return ok('cursor', share);
  const counted =
    without === undefined ? `A sync never meets the others: ${REMEDY}` : withoutCursorText(cursor, without);
  return warning('cursor', share, `${counted}. ${otherChoice(sample, cursor, having)}`);
}

/** The same field by another type, where more documents have that; else the fields that hold times. */
function otherChoice(sample: Sample, { field, type }: Cursor, having: number): string {
  const candidates = candidateFields(sample);
  const fitting = candidates.find((one) => one.field === field && one.type !== type && one.documents > having);
  if (fitting !== undefined) {
    return `With cursorType: ${fitting.type} it would be found in ${fitting.documents} of ${sample.length}.`;
  }
  const others = candidates.filter((one) => one.field !== field).map((one) => `${one.field} (${one.type})`);
  return others.length === 0 ? 'No other field that tells a time was found.' : `Other fields: ${others.join(', ')}.`;
}

/** Whether two clocks agree. `now_ms` is ours at the middle of the question. */
export function clockVerdict(serverTime: number | undefined, now_ms: number, allowedLateness_ms: number): CheckResult {
  const allowed = `allowedLateness is ${inMinutes(allowedLateness_ms)}`;
  if (serverTime === undefined) return ok('clock', `the server does not tell its time; ${allowed}`);
  const skew_ms = Math.abs(serverTime - now_ms);
  const message = `the server's clock and ours are ${(skew_ms / 1000).toFixed(1)} s apart; ${allowed}`;
  if (skew_ms > allowedLateness_ms) {
    const hint = 'Set both clocks by NTP, or raise allowedLateness above the difference.';
    return failed('clock', new MongolakeError('CLOCK_SKEW', message, { hint }));
  }
  if (skew_ms <= allowedLateness_ms / 2) return ok('clock', message);
  return warning('clock', message, 'Set both clocks by NTP: beyond allowedLateness no run starts.');
}

/** A duration, in minutes where these are whole. */
export function inMinutes(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}

/** Whether a dump says when it was started. */
export function dumpStartVerdict(startedAt: number | undefined, now_ms: number): CheckResult {
  if (startedAt === undefined) {
    const message =
      'when the dump was started is not known: all of it is compared at each sync, and no watermark moves';
    return warning(
      'clock',
      message,
      'Set startedAt of the connection, or put {"startedAt": "<ISO time>"} into mongolake-dump.json beside the files.',
    );
  }
  const message = `the dump was started at ${new Date(startedAt).toISOString()}`;
  if (startedAt <= now_ms) return ok('clock', message);
  return warning(
    'clock',
    `${message}, which is in the future`,
    'Correct startedAt: changes before it would be taken for seen.',
  );
}

/** What Redis says of itself, as far as a queue depends on it. */
export interface QueueServer {
  /** `redis`, `valkey` or `dragonfly`. */
  readonly flavour: string;
  readonly version: string;
  readonly role: string;
  /** Empty where the server does not tell. */
  readonly maxmemoryPolicy: string;
  readonly maxMemoryBytes: number;
  readonly usedMemoryBytes: number;
  readonly appendonly: boolean;
}

/** Whether a Redis is fit for the queue: its version, its place, what it does when memory is full, and what it keeps of a crash. */
export function queueVerdicts(server: QueueServer, label: string): readonly CheckResult[] {
  return [versionVerdict(server, label), evictionVerdict(server), persistenceVerdict(server)];
}

const OLDEST_REDIS = [6, 2] as const;

function versionVerdict({ flavour, version, role }: QueueServer, label: string): CheckResult {
  const message = `${flavour} ${version} at ${label}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor < OLDEST_REDIS[1]);
  if (flavour === 'redis' && old) {
    return failed('queue', unfit(`${message} is too old`, `Use Redis ${OLDEST_REDIS.join('.')} or later, or Valkey.`));
  }
  if (role === 'slave') {
    return failed('queue', unfit(`${message} is a replica, which takes no writes`, 'Give the URL of the primary.'));
  }
  return ok('queue', message);
}

const NO_EVICTION = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf or the service's settings.";

function evictionVerdict({ maxmemoryPolicy, maxMemoryBytes, usedMemoryBytes }: QueueServer): CheckResult {
  if (maxmemoryPolicy === '') {
    return warning(
      'eviction',
      'the server does not tell its eviction policy',
      'Make sure that it is noeviction: any other may drop jobs.',
    );
  }
  if (maxmemoryPolicy !== 'noeviction') {
    return failed(
      'eviction',
      unfit(`maxmemory-policy is ${maxmemoryPolicy}: jobs may be dropped when memory is full`, NO_EVICTION),
    );
  }
  const full = maxMemoryBytes > 0 && usedMemoryBytes > 0.9 * maxMemoryBytes;
  if (full) {
    return warning(
      'eviction',
      `${Math.round((100 * usedMemoryBytes) / maxMemoryBytes)} % of Redis' memory is used`,
      'When it is full no job is taken in: raise maxmemory.',
    );
  }
  return ok('eviction', 'maxmemory-policy is noeviction');
}

function persistenceVerdict({ appendonly }: QueueServer): CheckResult {
  if (appendonly) return ok('persistence', 'the append-only file is on');
  return warning(
    'persistence',
    'the append-only file is off: a crash of Redis forgets the queue, which delays runs and loses nothing else',
    'CONFIG SET appendonly yes, and the same in redis.conf.',
  );
}

function unfit(message: string, hint: string): MongolakeError {
  return new MongolakeError('QUEUE_REFUSED', message, { hint });
}

/** Whether the scratch folder has space for all merges at once: of each the base file, its rewrite, and what is spilled. */
export function scratchVerdict(
  folder: string,
  free_bytes: number,
  concurrency: number,
  targetFileSize_bytes: number,
): CheckResult {
  const wanted = concurrency * 3 * targetFileSize_bytes;
  const message = `${folder} is writable, ${gigabytes(free_bytes)} free`;
  if (free_bytes >= wanted) return ok('scratch', message);
  const why = `${concurrency} merges at once may want ${gigabytes(wanted)}`;
  return warning(
    'scratch',
    `${message}; ${why}`,
    'Set worker.scratch to a larger disk, or lower worker.concurrency or targetFileSize.',
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
