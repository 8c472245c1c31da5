/**
 * Every object key of a table, relative to its root. Ours are under `_mongolake/` and `data/`, the log's under `_delta_log/`
 * (`delta/entry.ts`). A leading underscore is invisible to readers.
 */
const OWN = '_mongolake';

export const LEASE_KEY = `${OWN}/lease.json`;
/** When the table was last checked against its source, and what was found. */
export const FRESHNESS_KEY = `${OWN}/freshness.json`;
const QUARANTINE = `${OWN}/quarantine`;
export const RUNS_PREFIX = `${OWN}/runs/`;

/** Everything that a run stages; deleted when the run is over. */
export function runPrefix(run: string): string {
  return `${RUNS_PREFIX}${run}/`;
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
  return `${runPrefix(run)}segments/${padded(ordinal)}-${attempt}.bson.gz`;
}

/** The bytes of one document that an attempt put aside, until the run lists it. */
export function stagedQuarantineKey(run: string, ordinal: number, attempt: string, n: number): string {
  return `${runPrefix(run)}quarantine/${padded(ordinal)}-${attempt}-${n}.bson`;
}

/** The list of quarantined documents that the run of this epoch leaves. An epoch is one run's alone, as the lease counts them. */
export function quarantineListKey(epoch: number): string {
  return `${QUARANTINE}/${padded(epoch)}.json`;
}

/** The bytes of one listed document; `digest` is that of its content, `run` put it on the list. */
export function quarantineObjectKey(run: string, digest: string): string {
  return `${QUARANTINE}/${run}/${digest}.bson`;
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
  return `data/${padded(partition)}/${run}-${attempt}-${part}.parquet`;
}

/** The run of a key under `_mongolake/runs/`. */
export function runOfKey(key: string): string {
  return key.slice(RUNS_PREFIX.length).split('/')[0] ?? '';
}

function padded(n: number): string {
  return String(n).padStart(6, '0');
}
