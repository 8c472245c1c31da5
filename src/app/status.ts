import type { StageFigures } from '../coordinator/stage-figures.ts';
import { type RunStatus, readStatus, type TableStatus } from '../coordinator/status.ts';
import type { Verification } from '../coordinator/verification.ts';
import type { TableMode } from '../shared/domain/window.ts';
import type { QueueDepth } from '../shared/ports/queue.ts';
import type { OpenedConfig } from './app.ts';
import { isoOrNull, JSON_SCHEMA_VERSION } from './json.ts';
import type { StatusResult } from './results.ts';
import { type Outcome, readTables } from './tables.ts';

/** How a table stands, and whether it has a cursor. */
export interface NamedStatus {
  readonly mode: TableMode;
  readonly status: TableStatus;
}

/** How tables and the queue stood at a time. */
export interface Statuses {
  readonly outcomes: readonly Outcome<NamedStatus>[];
  readonly queue: Depth;
  /** Epoch milliseconds, by our clock. */
  readonly now: number;
}

interface Depth {
  /** `undefined` where the queue is local, or could not be asked. */
  readonly depth: QueueDepth | undefined;
  readonly error?: unknown;
}

/** Reads how each table that the target names and the queue stand. */
export async function readStatuses(app: OpenedConfig, name: string | undefined): Promise<Statuses> {
  const targets = await app.targets(name);
  const queue = await readDepth(app);
  const outcomes = await readTables(app, targets, async ({ settings: { mode } }, storage) => ({
    mode,
    status: await readStatus(storage, app.clock.now()),
  }));
  return { outcomes, queue, now: app.clock.now() };
}

/** A queue in Redis holds no truth: where it can't be asked, the tables can. */
async function readDepth(app: OpenedConfig): Promise<Depth> {
  if (app.config.queue.kind === 'local') return { depth: undefined };
  const queue = app.queue();
  try {
    return { depth: await queue.depth() };
  } catch (error) {
    return { depth: undefined, error };
  } finally {
    await queue.close();
  }
}

/** The status of one table as `--json` prints it. */
export function statusJson(
  table: string,
  { mode, status }: NamedStatus,
  { queue, now }: Pick<Statuses, 'queue' | 'now'>,
): StatusResult {
  const { uri, lastCheck, verification, lease, run } = status;
  const { version, rows, files, partitions, watermark } = status.table ?? {};
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: status.table === undefined ? 'missing' : 'present',
    uri,
    version: version ?? null,
    rows: rows ?? null,
    files: files ?? null,
    bytes: status.table?.bytes ?? null,
    partitions: partitions ?? null,
    engine: status.table?.engine ?? null,
    mode,
    watermark: isoOrNull(watermark ?? null),
    lastCheck:
      lastCheck === undefined ? null : { ...lastCheck, at: isoOrNull(lastCheck.at), ageMs: now - lastCheck.at },
    verification: verification === undefined ? null : verificationJson(verification, now),
    lease: lease === undefined ? null : { ...lease, renewedAt: isoOrNull(lease.renewedAt) },
    run: run === undefined ? null : runJson(run),
    unfinished: status.unfinished === undefined ? null : runJson(status.unfinished),
    quarantined: status.quarantined,
    queue: queue.depth ?? null,
    notes: status.notes,
  };
}

function runJson({ run, what, startedAt, stage, extract, merge }: RunStatus): NonNullable<StatusResult['run']> {
  return {
    run,
    what: what ?? null,
    startedAt: isoOrNull(startedAt ?? null),
    stage,
    extract: stageJson(extract),
    merge: stageJson(merge),
  };
}

function stageJson(figures: StageFigures): NonNullable<StatusResult['run']>['extract'] {
  const { done, total, documents, bytes, estimated, documentsPerSecond, bytesPerSecond, etaMs } = figures;
  return {
    done,
    total: total ?? null,
    documents: documents ?? null,
    bytes: bytes ?? null,
    estimated,
    documentsPerSecond: documentsPerSecond ?? null,
    bytesPerSecond: bytesPerSecond ?? null,
    etaMs: etaMs ?? null,
  };
}

function verificationJson(found: Verification, now: number): StatusResult['verification'] {
  const { checkedAt, differences, run, version, isDeep, unconfirmed, repairedIn } = found;
  const age = { at: isoOrNull(checkedAt), ageMs: now - checkedAt };
  return { ...age, run, version, deep: isDeep, ...differences, unconfirmed, repairedIn };
}
