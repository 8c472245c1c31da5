import type { Collection, State } from './collection.ts';
import { type Entry, readEntry } from './log-entry.ts';
import type { Readings } from './source.ts';
import type { Store } from './store.ts';
import { NO_VERSION, nextVersion, type Version } from './version.ts';
import { Violation, type World } from './world.ts';

/** Watches the store, and throws a `Violation` at the moment at which a promise is broken. */
export interface Oracle {
  /** Versions with a number, fences among them. */
  readonly commits: number;
  /** The end of everything: the table is the collection, but for what can't be stored. */
  checkEqual(): void;
  /** After a vacuum far in the future: nothing is left that nobody needs. */
  checkClean(): void;
}

interface Watched {
  readonly world: World;
  readonly store: Store;
  readonly collection: Collection;
  newest: Version;
  epoch: number;
  readonly committed: Set<string>;
  /** Runs that something was taken from without which nobody can finish them. */
  readonly givenUp: Set<string>;
  /** Key of a receipt → what the source gave to the attempt that left it. */
  readonly winners: Map<string, readonly State[]>;
  /** Data files that a version had → when another one took its place, milliseconds since the start. */
  readonly removedAt: Map<string, number>;
}

/** An oracle that watches from the first write on. */
export function createOracle(world: World, store: Store, collection: Collection): Oracle {
  const watched: Watched = {
    world,
    store,
    collection,
    newest: NO_VERSION,
    epoch: 0,
    committed: new Set(),
    givenUp: new Set(),
    winners: new Map(),
    removedAt: new Map(),
  };
  store.observe({
    written(key, body, by) {
      if (/^_delta_log\/\d+\.json$/.test(key)) committed(watched, key, readEntry(body));
      // A request that was long under way may bring a plan back: then its run can be finished again, from its beginning.
      if (key.endsWith('/plan.json')) watched.givenUp.delete(runOf(key));
      if (/\/receipts\/extract-/.test(key)) watched.winners.set(key, (by as Readings | undefined)?.states ?? []);
    },
    deleted: (key) => deleted(watched, key),
  });
  return {
    get commits() {
      return watched.newest.number + 1;
    },
    checkEqual: () => checkEqual(watched),
    checkClean: () => checkClean(watched),
  };
}

function committed(watched: Watched, key: string, entry: Entry): void {
  const { world, store, collection, newest: before } = watched;
  const version = nextVersion(before, entry, store.objects, collection);
  if (!key.endsWith(`${version.number}.json`)) throw new Violation('I3', `${key} follows version ${before.number}`);
  if (!entry.isFence && entry.epoch < watched.epoch) {
    throw new Violation('I12', `epoch ${entry.epoch} commits version ${version.number} after epoch ${watched.epoch}`);
  }
  world.trace.note('log', `version ${version.number}: ${entry.isFence ? 'a fence' : `run ${entry.run}`}`, {
    loud: true,
    aside: `(epoch ${entry.epoch}, ${version.rows.size} rows)`,
  });
  checkProgress(before, version, entry);
  if (!entry.isFence) {
    checkRunId(watched, entry);
    checkBooks(before, version, entry);
    checkReadings(watched, version, entry);
  }
  checkWatermark(watched, before, version, entry);
  for (const path of entry.removed) watched.removedAt.set(path, world.timeline.now);
  // A holder that was overtaken may still write its fence, which shows nothing.
  watched.epoch = Math.max(watched.epoch, entry.epoch);
  watched.newest = version;
}

/** I4, and what I6 says of runs: one that was given up is not to be seen any more. */
function checkRunId({ committed, givenUp }: Watched, { run }: Entry): void {
  if (committed.has(run)) throw new Violation('I4', `run ${run} commits a second time`);
  if (givenUp.has(run)) throw new Violation('I6', `run ${run} commits after what it staged was deleted`);
  committed.add(run);
}

/** Rows never go back, and none goes away but where the table is replaced: the source is never told to have lost one. */
function checkProgress(before: Version, version: Version, { isReplace }: Entry): void {
  for (const [id, { revision }] of before.rows) {
    // What can't be stored any more was put aside, and is no row.
    const now = version.rows.get(id)?.revision ?? (isReplace ? revision : 0);
    if (now < revision) throw new Violation('I2', `${JSON.stringify(id)} goes back from #${revision} to #${now}`);
  }
}

/** I7: what the entry counts is what there is between the versions. */
function checkBooks(before: Version, version: Version, { isReplace, run, counts }: Entry): void {
  if (isReplace) {
    checkReplaced(before, version, run, counts);
    return;
  }
  const { read = 0, inserted, updated, deleted, ...others } = counts;
  const differ = [...version.rows.values()].filter(({ id, revision }) => before.rows.get(id)?.revision !== revision);
  const isNew = differ.filter(({ id }) => !before.rows.has(id)).length;
  const total = Object.values({ inserted, updated, deleted, ...others }).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  if (read !== total || inserted !== isNew || updated !== differ.length - isNew || deleted !== 0) {
    throw new Violation(
      'I7',
      `run ${run} counts ${JSON.stringify(counts)}: ${isNew} rows are new, ${differ.length} differ`,
    );
  }
}

/** I7 where nothing of the version before stays: all its rows are deleted, and all that there are new. */
function checkReplaced(before: Version, version: Version, run: string, counts: Entry['counts']): void {
  const { read = 0, inserted, updated, deleted, superseded = 0, quarantined = 0 } = counts;
  const isWhole = inserted === version.rows.size && deleted === before.rows.size && updated === 0;
  const stays = [...before.files.keys()].some((path) => version.files.has(path));
  if (stays || !isWhole || read !== version.rows.size + superseded + quarantined) {
    throw new Violation(
      'I7',
      `run ${run} replaces ${before.rows.size} rows by ${version.rows.size} and counts ${JSON.stringify(counts)}`,
    );
  }
}

/** I2: what the source gave to the attempts that won is in the version, in that state or a newer one. */
function checkReadings(watched: Watched, version: Version, { isReplace, run }: Entry): void {
  const latest = new Map<string, State>();
  const keys = [...watched.winners.keys()].filter((key) => key.includes(`/${run}/`)).sort();
  for (const state of keys.flatMap((key) => watched.winners.get(key) ?? [])) {
    const known = latest.get(state.id);
    if (state.isBroken) checkListed(watched, version, state);
    else if (known === undefined || state.cursor >= known.cursor) latest.set(state.id, state);
  }
  if (isReplace && version.rows.size !== latest.size) {
    throw new Violation('I2', `run ${run} read ${latest.size} documents, the table has ${version.rows.size} rows`);
  }
  for (const { id, revision } of latest.values()) {
    const found = version.rows.get(id)?.revision ?? 0;
    if (found < revision) {
      throw new Violation('I2', `run ${run} read ${JSON.stringify(id)} #${revision}, the table has #${found}`);
    }
  }
}

/** What the watermark leaves behind is in the table: nobody reads it again. */
function checkWatermark(watched: Watched, before: Version, version: Version, { isReplace }: Entry): void {
  const { watermark } = version;
  if (watermark === null) return;
  // That of a version which is replaced says nothing of the new one.
  if (!isReplace && before.watermark !== null && watermark < before.watermark)
    throw new Violation('watermark', 'it goes back');
  for (const state of watched.collection.documents.values()) {
    if (state.cursor <= watermark) checkStored(watched, version, state);
  }
}

function checkStored(watched: Watched, version: Version, state: State): void {
  const found = version.rows.get(state.id)?.revision ?? 0;
  // Without a row there is no table yet, and so no list: what was put aside is read again by the run that makes it.
  if (state.isBroken) {
    if (version.rows.size > 0) checkListed(watched, version, state);
  } else if (found < state.revision) {
    throw new Violation('lost', `the table has ${JSON.stringify(state.id)} #${found}, the source #${state.revision}`);
  }
}

/** A document that can't be stored is on the list that the version names, with its bytes. */
function checkListed({ store }: Watched, version: Version, { id, revision, digest }: State): void {
  const key = `_mongolake/quarantine/${String(version.list).padStart(6, '0')}.json`;
  const list = JSON.parse(store.objects.get(key)?.body.toString() ?? '{"documents":[]}') as {
    readonly documents: readonly { readonly digest: string; readonly object: string }[];
  };
  const listed = list.documents.find((document) => document.digest === digest);
  if (listed === undefined) throw new Violation('I7', `broken ${JSON.stringify(id)} #${revision} is not on ${key}`);
  if (!store.objects.has(listed.object)) throw new Violation('I6', `${listed.object} is listed, and not there`);
}

/** What a run can't be finished without. */
const STAGED = /^_mongolake\/runs\/[^/]+\/(?:plan|schema|receipts|merge)/;

function runOf(key: string): string {
  return key.split('/')[2] ?? '';
}

/** I6: what a retained version refers to stays. */
function deleted(watched: Watched, key: string): void {
  const { world, newest, removedAt, committed, givenUp } = watched;
  if (newest.files.has(key)) throw new Violation('I6', `${key} is deleted, which the newest version refers to`);
  const since = removedAt.get(key);
  const age = since === undefined ? undefined : world.timeline.now - since;
  if (age !== undefined && age < world.options.retention)
    throw new Violation('I6', `${key} is deleted ${age} ms after its last version was replaced`);
  if (key.startsWith('_delta_log/')) throw new Violation('I6', `${key} is deleted`);
  watched.winners.delete(key);
  if (STAGED.test(key) && !committed.has(runOf(key))) givenUp.add(runOf(key));
}

function checkEqual(watched: Watched): void {
  const { newest, collection } = watched;
  for (const state of collection.documents.values()) checkStored(watched, newest, state);
  // Rows are states of the source, and none is older than the source's: more there can't be.
  if (newest.rows.size > collection.documents.size)
    throw new Violation('lost', 'the table has more ids than the source');
}

function checkClean({ store, newest }: Watched): void {
  for (const key of store.objects.keys()) {
    const isOrphan = key.startsWith('data/') && !newest.files.has(key);
    const isLeft = key.startsWith('_mongolake/runs/') || key.startsWith('_mongolake/probe/');
    if (isOrphan || isLeft) throw new Violation('orphans', `${key} is left for ever`);
  }
}
