import { partOfChanges, streamOf } from '../shared/change-source.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Plan, RunMode, StreamStep } from '../shared/domain/plan.ts';
import { laterPosition, nextPosition, type Position } from '../shared/domain/position.ts';
import type { TableMode } from '../shared/domain/window.ts';
import type { Source, StreamEnd } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type Freshness, readFreshness } from './freshness.ts';
import type { TableState } from './table.ts';

/** How a run of a table that follows a change stream begins. */
export interface StreamStart {
  readonly reads: Extract<Plan['reads'], 'source' | 'changes'>;
  /** Whether what is read takes the place of the table. */
  readonly replace: boolean;
  /** Absent where the table stays where it is in the stream. */
  readonly step?: StreamStep;
  /** As in `Plan`: what is read must be no older than what the table has, or the stream would not tell it any more. */
  readonly readSince?: Position;
  /** Whether there is anything to read. */
  readonly hasWork: boolean;
  /** Why the whole collection is read, where nobody asked for it. */
  readonly why?: 'new' | 'lost';
}

/** What is asked of a run, as far as it decides what it reads of a change stream. */
export interface StreamRequest {
  readonly mode: RunMode;
  readonly replace: boolean;
  readonly settings: { readonly mode: TableMode };
}

interface StreamFacts {
  readonly hasTable: boolean;
  /** From where on the table lacks what came in the stream; `null` where it follows none yet. */
  readonly known: Position | null;
  /** Where the stream stands now. */
  readonly end: StreamEnd;
  /** Whether the stream no longer has what came after `known`. */
  readonly isLost: boolean;
}

/**
 * A table is loaded whole once, from a place in the stream that was asked for before, and follows the stream from there. Where the stream no longer
 * reaches back to the table's place, nobody knows what was deleted meanwhile: it is loaded anew, in one version that replaces the one before.
 */
export function decideStream({ mode, replace }: StreamRequest, facts: StreamFacts): StreamStart {
  const { hasTable, known, end, isLost } = facts;
  // What is read has everything up to the end of the stream as it was before.
  const load = {
    reads: 'source',
    step: { from: null, to: nextPosition(end.position) },
    readSince: end.position,
    hasWork: true,
  } as const;
  if (replace || !hasTable) return { ...load, replace };
  if (mode === 'backfill') return { reads: 'source', replace: false, readSince: end.position, hasWork: true };
  if (known === null || isLost) return { ...load, replace: true, why: known === null ? 'new' : 'lost' };
  const { position: to, hasChanges: hasWork } = end;
  return { reads: 'changes', replace: false, step: { from: known, to }, readSince: to, hasWork };
}

/** Whether a run goes by the change stream: one of those that read the source for what changed, or for everything. */
export function followsStream({ mode, settings }: StreamRequest): boolean {
  return settings.mode === 'changestream' && (mode === 'sync' || mode === 'backfill');
}

/** Asks the source where its stream stands, and decides; `undefined` for a run that does not go by it. Errors: those of `ChangeStream` but `STREAM_LOST`. */
export async function streamStart(
  request: StreamRequest,
  state: Pick<TableState, 'version' | 'position'> | undefined,
  { source, storage }: { readonly source: Source; readonly storage: Storage },
): Promise<StreamStart | undefined> {
  if (!followsStream(request)) return undefined;
  const known = state === undefined ? null : await reachedBy(state, storage);
  const goesOn = request.mode === 'sync' && !request.replace;
  const end = await endUnlessLost(source, goesOn ? known : null);
  return decideStream(request, {
    hasTable: state !== undefined,
    known,
    end: end ?? (await streamOf(source).end(null)),
    isLost: end === undefined,
  });
}

/** One range, for the stream is read in its order; none where nothing came. */
export function changeRanges({ step, hasWork }: StreamStart): Plan['ranges'] {
  if (!hasWork || step?.from == null) return [];
  return [{ scope: { kind: 'full' }, part: partOfChanges(step.from, step.to) }];
}

/** How long nothing need be noted of a table in whose stream nothing comes, milliseconds. */
const NOTE_EVERY_MS = 60_000;

/**
 * Whether a table has to be synced now: something came since it was last checked, or that is a while ago, so that its freshness is to be noted. One
 * of which nothing is known has. Errors: those of `ChangeStream` but `STREAM_LOST`, of which the sync knows what to do.
 */
export async function hasStreamWork(storage: Storage, source: Source, now: number): Promise<boolean> {
  const freshness = await readFreshness(storage);
  if (freshness?.position === undefined || now - freshness.checkedAt >= NOTE_EVERY_MS) return true;
  return (await endUnlessLost(source, freshness.position))?.hasChanges ?? true;
}

/** Where the stream stands; `undefined` where it no longer reaches back to `since`. */
async function endUnlessLost(source: Source, since: Position | null): Promise<StreamEnd | undefined> {
  try {
    return await streamOf(source).end(since);
  } catch (error) {
    if (asMongolakeError(error).code === 'STREAM_LOST') return undefined;
    throw error;
  }
}

/** How far a table has come in the stream: what the last check found to be in its newest version may be farther than that version's entry says. */
export function reachedIn(
  { version, position }: Pick<TableState, 'version' | 'position'>,
  freshness: Freshness | undefined,
): Position | null {
  if (position === null) return null;
  return laterPosition(position, freshness?.version === version ? (freshness.position ?? null) : null);
}

/** The same, of the note beside the table; a table that follows no stream is not asked for one. */
export async function reachedBy(
  state: Pick<TableState, 'version' | 'position'>,
  storage: Storage,
): Promise<Position | null> {
  return state.position === null ? null : reachedIn(state, await readFreshness(storage));
}
