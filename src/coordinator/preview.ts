import { cursorOf } from '../shared/domain/cursor.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import { partitionCount } from '../shared/domain/partitions.ts';
import type { BaseFile } from '../shared/domain/plan.ts';
import { hidesIds } from '../shared/domain/policy.ts';
import { type Position, positionTimeOrNull } from '../shared/domain/position.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { BoundedCount, Source, SourceClock } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { withoutCursorText } from './check-verdicts.ts';
import { countDump } from './count-dump.ts';
import { readLease } from './lease.ts';
import { type Duration, estimateDuration, RATES, readPastRuns } from './pace.ts';
import { decideStart, replaces, type StartRequest } from './plan.ts';
import { leaseStatus } from './status.ts';
import { changeRanges, type StreamStart, streamStart } from './stream-start.ts';
import { openState } from './table.ts';

/** What a run that was asked for now would do. Times are epoch milliseconds. */
export interface Preview {
  readonly mode: 'sync' | 'backfill';
  /** Whether nothing of the version before would stay. */
  readonly replace: boolean;
  /** The version that it would stand on; `undefined` where the run would make the table. */
  readonly base: number | undefined;
  readonly scope: ReadScope;
  /** Between which times the change stream would be read, instead of the scope; absent where it would not. */
  readonly changes?: { readonly from: number; readonly to: number };
  readonly watermark: number | null;
  readonly nextWatermark: number | null;
  readonly documents: DocumentCount;
  /** Bytes of BSON of those, estimated. */
  readonly bytes: number | undefined;
  /** Extract jobs. */
  readonly ranges: number;
  /** Hash partitions of the table. */
  readonly partitions: number;
  readonly rewrite: RewriteEstimate;
  /** Bytes rewritten for each byte of the documents, as far as both are known and not zero. */
  readonly amplification: number | undefined;
  /** Documents that no sync ever meets, whatever this run reads; `undefined` where they were not counted. */
  readonly withoutCursor: BoundedCount | undefined;
  readonly duration: Duration;
  readonly notes: readonly string[];
}

/**
 * `counted`: read and counted; `estimated`: from the source's statistics or its index; `atLeast`: counted in the index, which went on only so
 * far; `atMost`: a dump's documents, whatever their cursors.
 */
export interface DocumentCount {
  readonly count: number | undefined;
  readonly basis: 'counted' | 'estimated' | 'atLeast' | 'atMost';
}

/** What a delta may touch. `about` is what is to be expected of documents spread evenly over the rows, `atMost` the worst case. */
export interface RewriteEstimate {
  readonly about: Touched;
  readonly atMost: Touched;
}

export interface Touched {
  readonly partitions: number;
  readonly files: number;
  readonly bytes: number;
}

export interface PreviewRequest extends StartRequest {
  readonly mode: 'sync' | 'backfill';
  readonly settings: StartRequest['settings'] & { readonly partitions: number | 'auto' };
}

export interface PreviewContext {
  readonly storage: Storage;
  readonly source: Source;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Says what `runTable` would do, and changes nothing: no lease is taken, no object written. Errors: those of a run's start
 * (`CLOCK_SKEW`, `TABLE_NAMESPACE`, `TABLE_CURSOR`, `TABLE_POLICY`, `TABLE_ENGINE`, `TABLE_FOREIGN`, the source's and the storage's).
 */
export async function previewRun(request: PreviewRequest, context: PreviewContext): Promise<Preview> {
  const { storage, source, clock } = context;
  const { settings } = request;
  const [state, sourceClock, held] = await Promise.all([openState(storage), source.clock(), readLease(storage)]);
  const stream = await streamStart(request, state, context);
  const replace = stream?.replace ?? replaces(request);
  const facts = { namespace: source.namespace, clock: sourceClock, uri: storage.uri, now: clock.now() };
  const { scope, nextWatermark } = decideStart({ ...request, replace }, state, facts).window;
  const cursor = cursorOf(settings);
  const size =
    stream?.reads === 'changes' ? sizeOfStream(stream) : await sizeOf(scope, sourceClock.kind, settings, context);
  const { documents, bytes, withoutCursor } = size;
  const partitions = state === undefined || replace ? partitionCount(settings.partitions, bytes) : state.partitions;
  const most = replace || documents.basis === 'atLeast' ? undefined : documents.count;
  const rewrite = estimateRewrite(state?.files ?? new Map(), partitions, most);
  const past = await readPastRuns(storage);
  const lease = held && leaseStatus(held.body, clock.now());
  const splitNotes: string[] = [];
  const ranges =
    stream?.reads === 'changes'
      ? changeRanges(stream)
      : await source.ranges(scope, {
          hidesIds: hidesIds(request.columns),
          warn: (note) => splitNotes.push(note),
        });
  return {
    mode: request.mode,
    replace,
    base: state?.version,
    scope,
    ...(stream === undefined
      ? { watermark: state?.watermark ?? null, nextWatermark }
      : streamTimes(stream, state?.position ?? null)),
    documents,
    bytes,
    ranges: ranges.length,
    partitions,
    rewrite,
    amplification: amplification(rewrite.about.bytes, bytes),
    withoutCursor,
    duration: estimateDuration(documents.count, past.readings, RATES.read),
    notes: [
      ...(lease?.state === 'held' ? [`a run is under way: ${lease.run}, by ${lease.owner}`] : []),
      ...(await indexNotes(scope, sourceClock.kind, source)),
      ...(settings.mode === 'full' ? [FULL_NOTE] : []),
      ...(stream?.why === undefined ? [] : [LOAD_NOTES[stream.why]]),
      ...partitionNotes(settings.partitions, partitions),
      ...splitNotes,
      ...(withoutCursor?.documents ? [withoutCursorText(cursor, withoutCursor)] : []),
      ...(state?.notes ?? []),
    ],
  };
}

/** What came can't be counted before it is read. */
function sizeOfStream({ hasWork }: StreamStart): ReadSize {
  return {
    documents: { count: hasWork ? undefined : 0, basis: 'estimated' },
    bytes: undefined,
    withoutCursor: undefined,
  };
}

function streamTimes(
  { step, reads }: StreamStart,
  position: Position | null,
): Pick<Preview, 'watermark' | 'nextWatermark' | 'changes'> {
  const [from, to] = [step?.from ?? null, step?.to ?? position].map((place) => positionTimeOrNull(place));
  const times = { watermark: positionTimeOrNull(position), nextWatermark: to ?? null };
  return reads === 'changes' && from != null && to != null ? { ...times, changes: { from, to } } : times;
}

const LOAD_NOTES = {
  new: 'the table follows no change stream yet: the whole collection is read and replaces it',
  lost: 'the server no longer has the changes since the last sync: the whole collection is read and replaces the table',
} as const;

const FULL_NOTE = 'mode: full: each run reads the whole collection and replaces the table, whether or not it changed';

/** What is configured of a table that is there changes nothing by itself. */
function partitionNotes(configured: number | 'auto', partitions: number): readonly string[] {
  if (configured === 'auto' || configured === partitions) return [];
  return [
    `the table keeps its number of partitions (${partitions}), the configuration says ${configured}: \`mongolake repartition --partitions ${configured}\` changes it`,
  ];
}

interface ReadSize {
  readonly documents: DocumentCount;
  readonly bytes: number | undefined;
  readonly withoutCursor: BoundedCount | undefined;
}

async function sizeOf(
  scope: ReadScope,
  kind: SourceClock['kind'],
  settings: PreviewRequest['settings'],
  { source, signal }: PreviewContext,
): Promise<ReadSize> {
  const cursor = cursorOf(settings);
  const hasCursor = settings.mode === 'incremental';
  const { documents: count, bytes, atLeast } = await source.estimate(scope);
  if (kind === 'live') {
    const withoutCursor = hasCursor ? await source.countWithoutCursor(cursor) : undefined;
    return { documents: { count, basis: atLeast ? 'atLeast' : 'estimated' }, bytes, withoutCursor };
  }
  const counted = await countDump(source, scope, cursor, signal);
  if (counted === undefined) {
    return {
      documents: { count, basis: scope.kind === 'full' ? 'estimated' : 'atMost' },
      bytes,
      withoutCursor: undefined,
    };
  }
  return {
    documents: { count: counted.documents, basis: 'counted' },
    bytes: counted.bytes,
    withoutCursor: hasCursor ? { documents: counted.withoutCursor, atLeast: false } : undefined,
  };
}

async function indexNotes(scope: ReadScope, kind: SourceClock['kind'], source: Source): Promise<readonly string[]> {
  if (kind === 'dump' || scope.kind === 'full') return [];
  const indexes = await source.indexes();
  if (indexes.some(({ fields }) => fields[0] === scope.cursor.field)) return [];
  return [
    `no index starts with ${scope.cursor.field}: the run would scan the whole collection (see \`mongolake check\`)`,
  ];
}

/**
 * What a delta of `documents` touches (all, where their number is not known) of a table with these files. Hashed ids fall on every
 * partition alike, and within one on its files by their rows: a file with the share p of the rows is touched with the
 * probability 1 − (1 − p)^n. At most one file per document is, and then the largest.
 */
export function estimateRewrite(
  files: ReadonlyMap<number, readonly BaseFile[]>,
  partitions: number,
  documents: number | undefined,
): RewriteEstimate {
  const n = documents ?? Number.POSITIVE_INFINITY;
  const all = [...files.values()].flat();
  const rows = all.reduce((sum, file) => sum + file.rows, 0);
  const chances = all.map((file) => ({ file, chance: chanceOf(rows === 0 ? 1 / all.length : file.rows / rows, n) }));
  const largest = all.toSorted((a, b) => b.size - a.size).slice(0, Math.min(n, all.length));
  return {
    about: {
      partitions: Math.round(partitions * chanceOf(1 / partitions, n)),
      files: Math.round(chances.reduce((sum, { chance }) => sum + chance, 0)),
      bytes: Math.round(chances.reduce((sum, { file, chance }) => sum + chance * file.size, 0)),
    },
    atMost: {
      partitions: Math.min(n, partitions),
      files: largest.length,
      bytes: largest.reduce((sum, file) => sum + file.size, 0),
    },
  };
}

/** The probability that at least one of `n` documents falls on a part with this share. */
function chanceOf(share: number, n: number): number {
  if (n === 0) return 0;
  return Number.isFinite(n) ? 1 - (1 - share) ** n : 1;
}

/** Bytes rewritten for each byte that is new; `undefined` where one of them is not known or zero. */
export function amplification(rewritten: number, delta: number | undefined): number | undefined {
  return delta === undefined || delta === 0 || rewritten === 0 ? undefined : rewritten / delta;
}

/** Whether the run may have anything to do: only a window that is known to be empty has not, unless it leaves an empty table. */
export function hasWork({ documents, replace }: Pick<Preview, 'documents' | 'replace'>): boolean {
  return replace || documents.count !== 0;
}
