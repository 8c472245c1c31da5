import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, serialize } from 'bson';
import type { RunContext, RunResult, RunSettings } from '../../src/coordinator/carry-out.ts';
import { compactTable } from '../../src/coordinator/compact.ts';
import type { PreviewContext } from '../../src/coordinator/preview.ts';
import { type Layout, repartitionTable } from '../../src/coordinator/repartition.ts';
import type { RewriteResult } from '../../src/coordinator/rewrite-run.ts';
import { type RunRequest, runTable } from '../../src/coordinator/run.ts';
import { type Verified, verifyTable } from '../../src/coordinator/verify.ts';
import type { VerifyRequest } from '../../src/coordinator/verify-plan.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { localQueue } from '../../src/shared/adapters/queue-local.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { cursorReader } from '../../src/shared/domain/cursor.ts';
import type { KeyedHash } from '../../src/shared/domain/cut.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { documentsOf, wanted } from '../../src/shared/domain/id-list.ts';
import { type Position, positionBits, positionOf } from '../../src/shared/domain/position.ts';
import { inScope } from '../../src/shared/domain/window.ts';
import type { Clock } from '../../src/shared/ports/clock.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import type { ChangeStream, Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import type { Understands } from '../../src/worker/plan.ts';
import type { MergePool } from '../../src/worker/pool.ts';
import { shuffle } from '../../src/worker/thread/shuffle.ts';
import { compact, compare, locate, merge, rewrite } from '../../src/worker/thread/task.ts';
import { startWorker } from '../../src/worker/worker.ts';

const MINUTE = 60_000;

/** A collection in memory with a clock that the test sets. */
export interface FakeCollection {
  now: number;
  /** How far the source's clock is ahead of ours, milliseconds. */
  skew: number;
  kind: 'live' | 'dump';
  /** Whether a dump says when it was started: at `now`. */
  tellsStart: boolean;
  /** A `Buffer` is read as it is, whatever the window. */
  documents: (Document | Buffer)[];
  /** Extract jobs of a run, each of which reads everything. */
  ranges: number;
  /** What changed, oldest first; `undefined` where the source has no change stream. Positions ascend. */
  events: FakeEvent[] | undefined;
  /** Below this position the server has no events any more. */
  oldest: number;
  /** Called with each document as it is read. */
  onRead: () => void;
}

/** A change of a document, or something else that happened to the collection. */
export interface FakeEvent {
  readonly at: number;
  readonly _id?: unknown;
  readonly ends?: string;
  /** Of another collection. */
  readonly isOther?: boolean;
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** One table over a collection in memory: the real coordinator, worker and engine, over memory storage and the local queue. */
export interface Harness {
  readonly storage: Storage;
  readonly collection: FakeCollection;
  readonly previewContext: PreviewContext;
  readonly runContext: RunContext;
  sync(request?: Partial<RunRequest>, settings?: Partial<RunSettings>): Promise<RunResult>;
  verify(asked?: Partial<VerifyRequest>, settings?: Partial<RunSettings>): Promise<Verified>;
  /** To string ids, unless told otherwise. */
  repartition(settings?: Partial<RunSettings>, layout?: Layout): Promise<RewriteResult>;
  compact(settings?: Partial<RunSettings>): Promise<RewriteResult>;
  /** The newest log entry's actions, as JSON. */
  entry(version: number): Promise<Record<string, unknown>[]>;
  keys(prefix: string): Promise<string[]>;
  close(): Promise<void>;
}

export const SETTINGS: RunSettings = {
  mode: 'incremental',
  cursorField: 'updateTime',
  cursorType: 'date',
  allowedLateness: 5 * MINUTE,
  partitions: 2,
  engine: 'duckdb',
  targetFileSize: 1e6,
  rowGroupSize: 2048,
  compression: 'zstd',
  compressionLevel: 1,
  maxQuarantined: 1000,
  deletes: 'none',
  deletedField: 'deletedAt',
  checkpointInterval: 10,
  retention: 7 * 24 * 60 * MINUTE,
  leaseTtl: 30_000,
};

const PLAIN_SYNC = {
  pipeline: 'guest',
  collection: 'notifications',
  mode: 'sync',
  from: null,
  to: null,
  overwrite: false,
  replace: false,
} as const;

const PLAIN_VERIFY = {
  pipeline: 'guest',
  collection: 'notifications',
  isDeep: false,
  repairs: false,
  sample: 1,
  deletesAtMost: 1,
} as const;

/** Merges where it is called. */
const POOL: MergePool = {
  merge: (task) => merge({ ...task, memoryBytes: 256e6 }),
  rewrite: (task) => rewrite({ ...task, memoryBytes: 256e6 }),
  compact: (task) => compact({ ...task, memoryBytes: 256e6 }),
  compare: (task) => compare({ ...task, memoryBytes: 256e6 }),
  locate: async (task) => locate(task),
  shuffle: async (task) => shuffle(task),
  close: async () => {},
};

function emptyCollection(now: number): FakeCollection {
  return {
    now,
    skew: 0,
    kind: 'live',
    tellsStart: true,
    documents: [],
    ranges: 1,
    events: undefined,
    oldest: 0,
    onRead() {},
  };
}

const WORKING = { logger: silent, slabBytes: () => 1e6, concurrency: 2 };

/** `wrap` may put faults between the run and its storage. */
export function harness(options: {
  readonly now: number;
  readonly wrap?: (storage: Storage) => Storage;
  /** Of the workers. */
  readonly keyed?: KeyedHash;
  readonly understands?: Understands;
  /** Of the runs. */
  readonly logger?: Logger;
}): Harness {
  const collection = emptyCollection(options.now);
  const real = systemClock();
  const clock: Clock = { ...real, now: () => collection.now };
  const memory = memoryStorage('memory:table', clock);
  const storage = options.wrap?.(memory) ?? memory;
  const scratch = mkdtempSync(join(tmpdir(), 'mongolake-run-'));
  const queue = localQueue(real, { backoffMs: 1 });
  const source = fakeSource(collection);
  const started = startWorker({
    queue,
    pool: POOL,
    clock,
    ...WORKING,
    understands: options.understands ?? (() => true),
    open: async () => ({ storage, openSource: async () => source, keyed: options.keyed }),
    scratch,
  });
  const context: RunContext = {
    storage,
    source,
    queue,
    clock,
    logger: options.logger ?? silent,
    onProgress() {},
    signal: new AbortController().signal,
    stallTimeoutMs: 10_000,
    engineVersion: '0.0.0',
    scratch,
  };
  return {
    storage,
    collection,
    previewContext: context,
    runContext: context,
    sync: (request = {}, settings = {}) =>
      runTable(
        {
          ...PLAIN_SYNC,
          ...request,
          settings: { ...SETTINGS, ...settings },
        },
        context,
      ),
    verify: (asked = {}, settings = {}) =>
      verifyTable({ ...PLAIN_VERIFY, ...asked, settings: { ...SETTINGS, ...settings } }, context),
    repartition: (settings = {}, layout = { idType: 'string' }) =>
      repartitionTable(
        { pipeline: 'guest', collection: 'notifications', layout, settings: { ...SETTINGS, ...settings } },
        context,
      ),
    compact: (settings = {}) =>
      compactTable({ pipeline: 'guest', collection: 'notifications', settings: { ...SETTINGS, ...settings } }, context),
    entry: (version) => entryOf(storage, version),
    keys: (prefix) => keysBelow(storage, prefix),
    async close() {
      await (await started).stop();
      await queue.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function entryOf(storage: Storage, version: number): Promise<Record<string, unknown>[]> {
  const object = await storage.get(entryKey(version));
  const lines = (object?.body.toString('utf8') ?? '').split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function keysBelow(storage: Storage, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys;
}

/** Reads the collection in memory. */
export function fakeSource(collection: FakeCollection): Source {
  const source = {
    description: 'fake://guest.notifications',
    namespace: { database: 'guest', collection: 'notifications' },
    clock: async () => ({
      kind: collection.kind,
      serverTime: collection.kind === 'dump' && !collection.tellsStart ? undefined : collection.now + collection.skew,
      lastMajorityWrite: undefined,
    }),
    estimate: async () => ({ documents: collection.documents.length, bytes: undefined }),
    ranges: async (scope) => Array.from({ length: collection.ranges }, () => ({ scope, part: null })),
    countWithoutCursor: async () => undefined,
    async *read({ scope }) {
      for (const document of collection.documents) {
        const bytes = Buffer.isBuffer(document) ? document : Buffer.from(serialize(document));
        const filtered = scope.kind === 'window' && collection.kind === 'live' && bytes !== document;
        if (filtered && !inScope(scope, cursorReader(scope.cursor)(bytes, 0))) continue;
        collection.onRead();
        yield { bytes, offsets: [0] };
      }
    },
    async *lookUp(ids) {
      const rest = wanted(documentsOf(ids));
      for (const document of collection.documents) {
        const bytes = Buffer.isBuffer(document) ? document : Buffer.from(serialize(document));
        if (rest.takes(bytes, 0)) yield { bytes, offsets: [0] };
      }
      const deletions = rest.deletions();
      if (deletions !== undefined) yield deletions;
    },
    indexes: async () => [],
    close: async () => {},
    // A test may give a collection a stream, or take it away.
    get changes() {
      return collection.events === undefined ? undefined : fakeChanges(collection);
    },
  } satisfies { readonly [Key in keyof Source]: Source[Key] | undefined };
  return source as Source;
}

function fakeChanges(collection: FakeCollection): ChangeStream {
  const between = (from: Position, to: Position) => {
    if (positionBits(from) < BigInt(collection.oldest)) throw new MongolakeError('STREAM_LOST', 'no longer there');
    const events = (collection.events ?? []).filter(
      ({ at, isOther }) => BigInt(at) >= positionBits(from) && BigInt(at) <= positionBits(to) && isOther !== true,
    );
    const end = events.find(({ ends }) => ends !== undefined);
    if (end !== undefined) throw new MongolakeError('STREAM_ENDED', `${end.ends}`);
    return events;
  };
  return {
    async end(since) {
      const position = positionOf(BigInt(collection.events?.at(-1)?.at ?? 1));
      return { position, hasChanges: since !== null && between(since, position).length > 0 };
    },
    async *ids(from, to) {
      for (const { _id } of between(from, to)) yield Buffer.from(serialize({ _id }));
    },
  };
}
