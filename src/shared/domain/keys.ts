/**
 * Every object key of a table, relative to its root. Ours are under `_mongolake/` and `data/`, the log's under `_delta_log/`
 * (`delta/entry.ts`). A leading underscore is invisible to readers.
 */
const OWN = '_mongolake';

export const LEASE_KEY = `${OWN}/lease.json`;
/** When the table was last checked against its source, and what was found. */
export const FRESHNESS_KEY = `${OWN}/freshness.json`;
/** What the last verification of the table found. */
export const VERIFICATION_KEY = `${OWN}/verification.json`;
/** Which versions a vacuum has begun to take files from. */
export const VACUUM_KEY = `${OWN}/vacuum.json`;
const QUARANTINE = `${OWN}/quarantine`;
export const ERASED_PREFIX = `${OWN}/erased/`;
export const RUNS_PREFIX = `${OWN}/runs/`;
export const QUARANTINE_PREFIX = `${QUARANTINE}/`;
export const PROBE_PREFIX = `${OWN}/probe/`;
const DATA = 'data';
export const DATA_PREFIX = `${DATA}/`;

/** Runs that only compare stage apart: they need no lease, and what is below `RUNS_PREFIX` is for its holder to drop. */
export const VERIFICATIONS_PREFIX = `${OWN}/verifications/`;
const VERIFICATION = 'verify-';

/** The id of a run that only compares. */
export function verificationOf(run: string): string {
  return `${VERIFICATION}${run}`;
}

/** Everything that a run stages; deleted when the run is over. */
export function runPrefix(run: string): string {
  return `${run.startsWith(VERIFICATION) ? VERIFICATIONS_PREFIX : RUNS_PREFIX}${run}/`;
}

export function planKey(run: string): string {
  return `${runPrefix(run)}plan.json`;
}

/** The schema of the version that the run makes; written once, before any merge. */
export function schemaKey(run: string): string {
  return `${runPrefix(run)}schema.json`;
}

/** What one merge job reads: its base files and sections. */
export function mergeInputKey(run: string, partition: number): string {
  return `${runPrefix(run)}merge/${padded(partition)}.json`;
}

/** One attempt's segment; `attempt` is random, so that two attempts never share a key. */
export function segmentKey(run: string, ordinal: number, attempt: string): string {
  return `${runPrefix(run)}segments/${padded(ordinal)}-${attempt}.bson.snappy`;
}

/** A list of ids that a run looks up. */
export function ownIdListKey(run: string, n: number): string {
  return `${runPrefix(run)}ids/${padded(n)}.bson`;
}

/** A list of ids that one attempt at a comparison leaves. */
export function idListKey(run: string, partition: number, attempt: string, n: number): string {
  return `${runPrefix(run)}ids/${padded(partition)}-${attempt}-${n}.bson`;
}

/** The bytes of one document that an attempt put aside, until the run lists it. */
export function stagedQuarantineKey(run: string, ordinal: number, attempt: string, n: number): string {
  return `${runPrefix(run)}quarantine/${padded(ordinal)}-${attempt}-${n}.bson`;
}

/** A list of quarantined documents. Its number is the epoch of the run that leaves it, or a greater one. */
export function quarantineListKey(number: number): string {
  return `${QUARANTINE}/${padded(number)}.json`;
}

/** A list of erased ids. Its number is the epoch of the run that leaves it, or a greater one. */
export function erasedListKey(number: number): string {
  return `${ERASED_PREFIX}${padded(number)}.json`;
}

/** The bytes of one listed document; `digest` is that of its content, `run` put it on the list. */
export function quarantineObjectKey(run: string, digest: string): string {
  return `${QUARANTINE}/${run}/${digest}.bson`;
}

/** The digest in the key of a listed document's bytes; `undefined` for any other key. */
export function digestOfKey(key: string): string | undefined {
  return /^_mongolake\/quarantine\/[^/]+\/([0-9a-f]{64})\.bson$/.exec(key)?.[1];
}

export function receiptsPrefix(run: string, kind: 'extract' | 'merge'): string {
  return `${runPrefix(run)}receipts/${kind}-`;
}

/** Where the winning attempt of a job leaves its receipt (put-if-absent). */
export function receiptKey(run: string, kind: 'extract' | 'merge', index: number): string {
  return `${receiptsPrefix(run, kind)}${padded(index)}.json`;
}

/** The job index of a receipt's key. */
export function receiptIndex(key: string): number {
  return Number(/-(\d+)\.json$/.exec(key)?.[1]);
}

/** One attempt's data file; immutable, never written twice. */
export function dataKey(partition: number, run: string, attempt: string, part: number): string {
  return `${DATA_PREFIX}${padded(partition)}/${run}-${attempt}-${part}.parquet`;
}

/** The hash partition in the key of a data file, of however many partitions; `null` for any other key. */
export function partitionOfKey(key: string): number | null {
  const partition = /^data\/(\d{6,})\//.exec(key)?.[1];
  return partition === undefined ? null : Number(partition);
}

/** An object on which a store proves that it honours conditions; `id` is random. */
export function probeKey(id: string): string {
  return `${PROBE_PREFIX}${id}.json`;
}

/** The run of a key under `_mongolake/runs/`. */
export function runOfKey(key: string): string {
  return key.slice(RUNS_PREFIX.length).split('/')[0] ?? '';
}

/** What a key is that a run or a probe has made, as far as it may be cleaned away. */
export type OwnKey =
  | { readonly kind: 'data'; readonly run: string; readonly attempt: string }
  | { readonly kind: 'list'; readonly epoch: number }
  | { readonly kind: 'bytes'; readonly run: string }
  | { readonly kind: 'staging'; readonly run: string }
  | { readonly kind: 'verification'; readonly run: string }
  | { readonly kind: 'probe' };

const DATA_KEY = new RegExp(`^${DATA}/\\d{6,}/([^/]+)-([^-/]+)-\\d+\\.parquet$`);
const LIST_KEY = new RegExp(`^${QUARANTINE}/(\\d{6,})\\.json$`);
const BYTES_KEY = new RegExp(`^${QUARANTINE}/([^/]+)/[^/]+\\.bson$`);
const STAGING_KEY = new RegExp(`^${RUNS_PREFIX}([^/]+)/.`);
const VERIFYING_KEY = new RegExp(`^${VERIFICATIONS_PREFIX}([^/]+)/.`);
const PROBE_KEY = new RegExp(`^${PROBE_PREFIX}[^/]+\\.json$`);

/** `undefined` for whatever is not made by a function above, the pointers, and the log's own. */
export function parseOwnKey(key: string): OwnKey | undefined {
  const [, run, attempt] = DATA_KEY.exec(key) ?? [];
  if (run !== undefined && attempt !== undefined) return { kind: 'data', run, attempt };
  const epoch = LIST_KEY.exec(key)?.[1];
  if (epoch !== undefined) return { kind: 'list', epoch: Number(epoch) };
  const kept = BYTES_KEY.exec(key)?.[1];
  if (kept !== undefined) return { kind: 'bytes', run: kept };
  const staged = STAGING_KEY.exec(key)?.[1];
  if (staged !== undefined) return { kind: 'staging', run: staged };
  const verification = VERIFYING_KEY.exec(key)?.[1];
  if (verification !== undefined) return { kind: 'verification', run: verification };
  return PROBE_KEY.test(key) ? { kind: 'probe' } : undefined;
}

function padded(n: number): string {
  return String(n).padStart(6, '0');
}
