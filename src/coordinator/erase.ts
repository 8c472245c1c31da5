import { jsonBody } from '../shared/documents.ts';
import type { IdList } from '../shared/domain/comparison.ts';
import type { KeyedHash } from '../shared/domain/cut.ts';
import { ownIdListKey, planKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import { putList } from '../shared/id-source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { carryOut, type RunContext, type RunResult, type RunSettings } from './carry-out.ts';
import { type ErasableId, erasableIds, type GivenId } from './erase-ids.ts';
import { owningFiles } from './erase-plan.ts';
import { type IdFinder, type SearchContext, searchFiles, searchTable } from './erase-search.ts';
import { type NewErased, writeErased } from './erased.ts';
import { checkNamespace } from './plan.ts';
import { type Purged, purgeTable } from './purge.ts';
import { nothingDone, openOwn, sourcelessPlan } from './sourceless.ts';
import type { Held, HeldTable } from './steps.ts';
import { type TableState, tableMissing } from './table.ts';
import { finishFirst } from './unfinished.ts';
import { lookUpRanges } from './verify-plan.ts';
import { whenFree } from './when-free.ts';

/** Which ids of a table are to be erased. */
export interface EraseRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  /** The configured column policy. */
  readonly columns?: TablePolicy | undefined;
  /** Makes the hashes of a table that hashes its ids. */
  readonly keyed?: KeyedHash | undefined;
  readonly ids: readonly GivenId[];
  /** `allow` takes them off the list of erased ids instead: what the source has of them the next readings store. */
  readonly kind: 'erase' | 'allow';
  /** Whether they are to be gone from the table's history, too. */
  readonly purges: boolean;
}

export interface EraseContext extends RunContext {
  readonly find: IdFinder;
}

/** What an erasure did. */
export interface Erased {
  /** What the run did that took the rows, and all that was finished before it; `version` is `null` where there was nothing to take. */
  readonly run: Omit<RunResult, 'checkedAt'>;
  /** Ids that were given, each once. */
  readonly ids: number;
  /** Those of them that had no row, as they were given. */
  readonly notFound: readonly string[];
  /** Ids that are new on the list of erased ones, or that came off it; and all that are on it. */
  readonly listed: number;
  readonly onList: number;
  /** `undefined` where the history was to stay. */
  readonly purged: Purged | undefined;
}

/**
 * Removes ids from a table, in one version, and puts them on its list of erased ids, so that no reading brings them back; with `purges` from all that is
 * below the table, too. The source is not read. A run that did not end is finished first. Each step can be done again: so a call that was interrupted is
 * completed by the same one. Throws `TABLE_MISSING`, `USAGE` for what is no id of the table, and what a run throws.
 */
export async function eraseIds(request: EraseRequest, outer: EraseContext): Promise<Erased> {
  const { storage } = outer;
  const state = await openOwn(outer);
  const ids = erasableIds(request.ids, state, request.keyed);
  const before = request.purges ? await searchTable(state, ids, outer) : [];
  let done: Omit<Erased, 'run' | 'purged'> | undefined;
  const run = await finishFirst(request, outer, {
    isDoneBy: () => false,
    async begin(held, context) {
      const { state: current } = held;
      if (current === undefined) throw tableMissing(storage);
      checkNamespace(current, outer.source, storage.uri);
      return async (timer) => {
        const own = erasableIds(request.ids, current, request.keyed);
        const notFound = request.kind === 'erase' ? await withoutRows(current, own, outer) : [];
        const list = await listFor(request, own, held, current, context);
        done = { ids: own.length, notFound, listed: list.changed, onList: list.ids };
        if (request.kind === 'allow' && list.changed === 0) return nothingDone(held.run, current, context.clock);
        const plan = await makePlan(request, own, list, held, current, context);
        timer.ended('window');
        return carryOut({ plan, state: current, settings: request.settings }, context, timer);
      };
    },
  });
  const purged = request.purges
    ? await whenFree(() => purgeTable(request.settings, ids, before, outer), outer)
    : undefined;
  return { run, ...(done ?? { ids: ids.length, notFound: [], listed: 0, onList: 0 }), purged };
}

/** The ids that have no row in the version, as they were given. */
async function withoutRows(
  state: TableState,
  ids: readonly ErasableId[],
  context: SearchContext,
): Promise<readonly string[]> {
  const searched = await searchFiles([...owningFiles(state, ids).keys()], state, ids, context);
  const found = new Set([...searched.values()].flatMap((file) => file.ids));
  return ids.filter(({ stored }) => !found.has(stored)).map(({ text }) => text);
}

function listFor(
  { kind }: EraseRequest,
  ids: readonly ErasableId[],
  held: HeldTable,
  state: TableState,
  context: Held<RunContext>,
): Promise<NewErased> {
  const identities = ids.map(({ identity }) => identity);
  return writeErased({ kind: kind === 'erase' ? 'add' : 'remove', identities }, state, held, context);
}

/** Writes a plan that reads nothing of the source: its ranges are the ids. No watermark is told: all else of the table stays as it is. */
async function makePlan(
  request: EraseRequest,
  ids: readonly ErasableId[],
  { number }: NewErased,
  held: HeldTable,
  state: TableState,
  context: Held<RunContext>,
): Promise<Plan> {
  const { storage } = context;
  const { run } = held;
  const lists = request.kind === 'erase' ? await writeLists(ids, run, storage) : [];
  const plan: Plan = {
    ...sourcelessPlan(request, held, state, context),
    nextWatermark: null,
    ranges: lookUpRanges(lists, 'live'),
    reads: 'erase',
    ...(number === undefined ? {} : { erased: number }),
  };
  await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
  return plan;
}

/** Ids of one list. */
const LIST_IDS = 50_000;

async function writeLists(ids: readonly ErasableId[], run: string, storage: Storage): Promise<readonly IdList[]> {
  const lists: IdList[] = [];
  for (let from = 0; from < ids.length; from += LIST_IDS) {
    const own = ids.slice(from, from + LIST_IDS);
    const body = Buffer.concat(own.map(({ document }) => document));
    lists.push(await putList(storage, ownIdListKey(run, lists.length), body, own.length));
  }
  return lists;
}
