import type { RunContext, RunSettings } from '../../src/coordinator/carry-out.ts';
import { compactTable } from '../../src/coordinator/compact.ts';
import { type Layout, repartitionTable } from '../../src/coordinator/repartition.ts';
import { type RunRequest, runTable } from '../../src/coordinator/run.ts';
import { unlockTable } from '../../src/coordinator/unlock.ts';
import { vacuumTable } from '../../src/coordinator/vacuum.ts';
import { asMongolakeError, MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import { startWorker } from '../../src/worker/worker.ts';
import type { Collection } from './collection.ts';
import { createPool } from './pool.ts';
import { type SimProcess, startProcess } from './process.ts';
import type { QueueServer } from './queue.ts';
import type { Readings, SourceServer } from './source.ts';
import type { Store } from './store.ts';
import { Violation, type World } from './world.ts';

/** Everything that processes talk to. */
export interface Servers {
  readonly world: World;
  readonly store: Store;
  readonly queue: QueueServer;
  readonly source: SourceServer;
  readonly collection: Collection;
  /** A folder for scratch files, on the real disk. */
  readonly scratch: string;
}

/** What a coordinator can be told to do. */
export type Operation =
  | 'sync'
  /** A sync with `--to`: a time that some document is stamped with. */
  | 'part'
  | 'backfill'
  /** A backfill that replaces the table. */
  | 'replace'
  | 'retry'
  | 'repartition'
  | 'compact'
  | 'vacuum'
  | 'unlock';

const TABLE = { pipeline: 'guest', collection: 'notifications' };

/** A run in which nothing moves for so long gives up, milliseconds. */
const STALL_MS = 90_000;

/** Settings of the one table, by the options of the seed. */
function settingsOf({ options }: World): RunSettings {
  const { partitions, allowedLateness, maxConcurrentReads, checkpointInterval, retention, leaseTtl } = options;
  return {
    mode: 'incremental',
    cursorField: 'updateTime',
    cursorType: 'date',
    engine: 'duckdb',
    targetFileSize: 1e6,
    rowGroupSize: 1000,
    compression: 'zstd',
    compressionLevel: 1,
    maxQuarantined: 1000,
    deletes: 'none',
    deletedField: 'deletedAt',
    ...{ partitions, allowedLateness, maxConcurrentReads, checkpointInterval, retention, leaseTtl },
  };
}

/** Starts a worker, which takes jobs until it ends. */
export function startSimWorker(servers: Servers, name: string): SimProcess {
  const { world, store, queue, source, scratch } = servers;
  const process = startProcess(world, name, () => 0);
  void startWorker({
    queue: queue.open(process),
    open: async () => {
      // Of one delivery alone, so that it is known what its receipt is to tell of.
      const readings: Readings = { states: [] };
      return {
        storage: store.open(process, readings),
        openSource: async () => source.open(process, readings),
      };
    },
    pool: createPool(world, process),
    clock: process.clock,
    logger: loggerOf(world, name),
    scratch,
    slabBytes: () => 300,
    understands: () => true,
    concurrency: 2,
  });
  return process;
}

/** An operation that a coordinator was told to do. */
export interface Told {
  /** How it ended: a word or an error's code. Never settles where the process crashes. */
  readonly ended: Promise<string>;
  /** SIGTERM. */
  stop(): void;
}

/** Tells a coordinator's process, of the given version of mongolake, to do something. */
export function tell(servers: Servers, process: SimProcess, operation: Operation, engineVersion: string): Told {
  const { world, store, queue, source, scratch } = servers;
  const abort = new AbortController();
  const context: RunContext = {
    storage: store.open(process),
    source: source.open(process),
    queue: queue.open(process),
    clock: process.clock,
    logger: loggerOf(world, process.name),
    onProgress() {},
    signal: abort.signal,
    stallTimeoutMs: STALL_MS,
    engineVersion,
    scratch,
  };
  world.trace.note(process.name, `is told: ${operation}`, { loud: true });
  const ended = perform(servers, operation, context).then(
    (result) => {
      world.trace.note(process.name, `${operation} ends well: ${result}`, { loud: true });
      return 'done';
    },
    (error: unknown) => {
      const { code, message } = asMongolakeError(error);
      world.trace.note(process.name, `${operation} fails: ${code}`, { loud: true, aside: message });
      if (isBug(code)) throw new Violation('errors', `${operation} fails with ${code}: ${(error as Error).stack}`);
      return code;
    },
  );
  return {
    ended,
    stop: () => {
      world.trace.note(process.name, 'is told to stop', { loud: true });
      abort.abort(new MongolakeError('INTERRUPTED', 'SIGTERM'));
    },
  };
}

/** What a repartition may be told. */
const LAYOUTS: readonly Layout[] = [
  { idType: 'string' },
  { partitions: 1 },
  { partitions: 2 },
  { partitions: 8 },
  { idType: 'string', partitions: 4 },
];

async function perform(servers: Servers, operation: Operation, context: RunContext): Promise<string> {
  const settings = settingsOf(servers.world);
  if (operation === 'vacuum') {
    const { objects } = await vacuumTable(settings, context);
    return `${objects.length} deleted`;
  }
  if (operation === 'unlock') {
    const { taken } = await unlockTable(context.storage, context.clock);
    return taken === undefined ? 'nobody held it' : `taken from ${taken.run}`;
  }
  if (operation === 'repartition') {
    const layout = servers.world.chance(`layout at ${servers.world.timeline.now}`).pick(LAYOUTS);
    return versionText(await repartitionTable({ ...TABLE, layout, settings }, context));
  }
  if (operation === 'compact') return versionText(await compactTable({ ...TABLE, settings }, context));
  const replace = operation === 'replace';
  const mode = operation === 'part' ? 'sync' : operation === 'replace' ? 'backfill' : operation;
  const to = operation === 'part' ? someTime(servers) : null;
  const request: RunRequest = { ...TABLE, mode, from: null, to, overwrite: false, replace, settings };
  return versionText(await runTable(request, context));
}

/** What some document is stamped with now: bounds are where mistakes are made. */
function someTime({ world, collection }: Servers): number {
  const cursors = [...collection.documents.values()].map(({ cursor }) => cursor);
  return cursors.length === 0 ? world.now() : world.chance(`time at ${world.timeline.now}`).pick(cursors);
}

function versionText({ version }: { readonly version: number | null }): string {
  return version === null ? 'nothing to commit' : `version ${version}`;
}

/** Errors that nothing in the simulation's world explains. */
function isBug(code: string): boolean {
  return ['INTERNAL', 'BOOKS_UNBALANCED', 'TABLE_FOREIGN', 'SCRATCH', 'ID_TYPE', 'SCHEMA_CONFLICT'].includes(code);
}

function loggerOf({ trace }: World, name: string): Logger {
  const note = (level: string) => (message: string) => trace.note(name, `(${level})`, { aside: message });
  const logger: Logger = {
    debug() {},
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => logger,
  };
  return logger;
}
