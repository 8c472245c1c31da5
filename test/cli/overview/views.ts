import type { RunView, TableDetail, TableEntry, TableView } from '../../../src/cli/overview/view.ts';
import { type ChartedVersion, schemaChanges } from '../../../src/coordinator/charted.ts';
import type { StageFigures } from '../../../src/coordinator/stage-figures.ts';
import type { TableStatus } from '../../../src/coordinator/status.ts';
import type { Verification } from '../../../src/coordinator/verification.ts';
import type { Plan } from '../../../src/shared/domain/plan.ts';

/** Plain data for the pages. */
export const NOW = Date.parse('2026-03-01T12:00:00Z');

export const VERIFIED: Verification = {
  formatVersion: 1,
  run: 'verify-1',
  checkedAt: NOW - 3_600_000,
  version: 1,
  isDeep: false,
  repairs: false,
  differences: { missing: 0, stale: 0, gone: 0 },
  unconfirmed: 0,
  repairedIn: null,
};

const STATUS: TableStatus = {
  uri: 's3://lake/guest/notifications',
  table: { version: 1, rows: 4000, files: 4, bytes: 4e6, partitions: 4, engine: 'duckdb', watermark: NOW - 300_000 },
  lastCheck: { at: NOW - 60_000, run: 'r1', version: 1 },
  verification: undefined,
  lease: { state: 'held', owner: 'pod-1:7', run: 'r2', epoch: 2, renewedAt: NOW - 1000 },
  run: undefined,
  unfinished: undefined,
  quarantined: 0,
  notes: [],
};

/** A version that inserted a thousand rows in two seconds. */
export function version(number: number, more: Partial<ChartedVersion> = {}): ChartedVersion {
  const time = NOW - 1_000_000 + number * 1000;
  return {
    version: number,
    time,
    operation: 'SYNC',
    parameters: {},
    engine: 'mongolake/1.0.0',
    host: 'pod-1',
    run: `r${number}`,
    window: { from: null, to: null },
    counts: {
      read: 1000,
      inserted: 1000,
      updated: 0,
      deleted: 0,
      unchanged: 0,
      superseded: 0,
      quarantined: 0,
      erased: 0,
    },
    filesAdded: 4,
    filesRemoved: 4,
    bytesAdded: 4e6,
    bytesRemoved: 3e6,
    watermark: NOW,
    startedAt: time - 2000,
    durationMs: 2000,
    columns: undefined,
    ...more,
  };
}

/** A view of a table that stands well, but for what is given. */
export function viewWith(status: Partial<TableStatus>, run?: RunView): TableView {
  const partitions = [1000, 1000, 1000, 1000].map((rows) => ({ files: 1, rows, bytes: rows * 1000 }));
  return { mode: 'incremental', status: { ...STATUS, ...status }, partitions, last: version(1), run };
}

/** An entry of the table `guest.notifications`. */
export function entryOf(value: TableView): TableEntry {
  return {
    name: 'guest.notifications',
    pipeline: 'guest',
    freshnessLimit_ms: 45 * 60_000,
    reading: { kind: 'read', value },
  };
}

export const ENTRY = entryOf(viewWith({}));

/** A table in detail, with these versions. */
export function detailOf(
  entry: TableEntry,
  versions: readonly ChartedVersion[] = [version(1), version(0)],
): TableDetail {
  return { ...entry, now: NOW, versions, schemas: schemaChanges(versions, undefined), missing: undefined, reasons: [] };
}

const FIGURES: StageFigures = {
  done: 1,
  total: 2,
  documents: 500,
  bytes: 1000,
  estimated: true,
  documentsPerSecond: 100,
  bytesPerSecond: 200,
  etaMs: 5000,
};

/** A run that merges: of four partitions one is merged, one waits, and two are not touched. */
export const RUN: RunView = {
  state: 'running',
  stage: 'merge',
  status: {
    run: 'r2',
    what: 'backfill',
    startedAt: NOW - 10_000,
    stage: 'merge',
    extract: { ...FIGURES, done: 2 },
    merge: FIGURES,
    staged: {
      run: 'r2',
      plan: { rewrite: null, ranges: [{}, {}] } as unknown as Plan,
      extracted: [],
      inputs: [],
      merged: [],
    },
  },
  ranges: [true, true],
  cells: [
    { state: 'merged', documents: 500, durationMs: 1200 },
    { state: 'waiting', documents: undefined, durationMs: undefined },
    { state: 'untouched', documents: undefined, durationMs: undefined },
    { state: 'untouched', documents: undefined, durationMs: undefined },
  ],
};
