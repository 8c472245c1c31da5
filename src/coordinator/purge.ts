import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { MongolakeError } from '../shared/domain/errors.ts';
import {
  ERASED_PREFIX,
  erasedListKey,
  QUARANTINE_PREFIX,
  quarantineListKey,
  RUNS_PREFIX,
  VERIFICATIONS_PREFIX,
} from '../shared/domain/keys.ts';
import type { BaseFile } from '../shared/domain/plan.ts';
import { scratched } from '../shared/domain/scratch.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';
import type { RunSettings } from './carry-out.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { makeVisible } from './commit-run.ts';
import type { ErasableId } from './erase-ids.ts';
import { besideBounds, type Rebounded, rebounded } from './erase-plan.ts';
import { type Holder, isData, type SearchContext, searchFiles, searchTable } from './erase-search.ts';
import { erasedNumber } from './erased.ts';
import { dropOldStaging } from './housekeep.ts';
import { openTable } from './log.ts';
import { forgetVersions, purgeActions } from './purge-log.ts';
import { listNumber, readQuarantine } from './quarantine.ts';
import { runName } from './run-progress.ts';
import { type Held, type HeldTable, type HoldContext, holdTable, total } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';
import { finishable, stagedPlans } from './unfinished.ts';
import { notePurged } from './vacuum-note.ts';

/** An object that held one of the ids, and what became of it. */
export interface Proof extends Holder {
  readonly gone: boolean;
}

/** What a purge did. */
export interface Purged {
  /** The version that it made: the oldest there is now. */
  readonly version: number;
  /** The versions that were given up, both included. */
  readonly givenUp: { readonly from: number; readonly to: number };
  /** Data files that were deleted, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Every object that held one of the ids, and what was found afterwards. */
  readonly proof: readonly Proof[];
}

export interface PurgeContext extends HoldContext, SearchContext {}

/**
 * Removes ids whose rows are gone from all else below a table: makes a version in whose log entry they are not, gives up every version before it, and deletes
 * what is of no use to that version. Then looks for them everywhere. `before`: what held them before they were erased. Harmless to repeat; one that was
 * interrupted is completed by the next.
 */
export async function purgeTable(
  settings: Pick<RunSettings, 'leaseTtl' | 'retention'>,
  ids: readonly ErasableId[],
  before: readonly Holder[],
  outer: PurgeContext,
): Promise<Purged> {
  return holdTable(settings.leaseTtl, outer, async (held, context) => {
    const { storage, logger, lease } = context;
    const { state } = held;
    if (state === undefined) throw tableMissing(storage);
    await giveUpStaged(held, context);
    // Listed before the commit: what a later run writes, on top of it, can't be among them, however late this process wakes up.
    const unused = await unusedObjects(state, storage);
    const { version, dropped } = await commitBounds(held, state, ids, context);
    await writeOwnCheckpoint(version, settings.retention, context);
    await notePurged(storage, version);
    await lease.assertHeld();
    const from = await forgetVersions(version, held, context);
    await deleteAll([...unused.map(({ key }) => key), ...dropped.map(({ path }) => path)], context);
    const files = [...unused.filter(({ key }) => isData(key)), ...dropped];
    logger.info('purged', { version, files: files.length });
    const sums = { files: files.length, bytes: total(files, ({ size }) => size) };
    return { version, givenUp: { from, to: version - 1 }, ...sums, proof: await prove(ids, before, context) };
  });
}

/** Gives up a run that did not end: what it staged may hold the ids, and is for a version that will not be the newest any more. */
async function giveUpStaged({ base, epoch }: HeldTable, context: Held<PurgeContext>): Promise<void> {
  const { storage, lease, logger } = context;
  const [plan] = await finishable(storage, await stagedPlans(storage), { newest: base, floor: lease.floor });
  if (plan !== undefined)
    logger.warn(`an unfinished ${runName(plan)} is given up: the table is purged`, { givenUp: plan.run });
  await lease.assertHeld();
  await dropOldStaging(storage, undefined);
  lease.raiseFloor(epoch);
}

/** Makes the version that stays: the same rows, in files whose ranges tell none of the ids. Returns its number, and the files without rows that it has no more. */
async function commitBounds(
  held: HeldTable,
  { files, engine, schema, snapshot, namespace }: TableState,
  ids: readonly ErasableId[],
  context: Held<PurgeContext>,
): Promise<{ readonly version: number; readonly dropped: readonly BaseFile[] }> {
  const { clock, engineVersion } = context;
  const changed: Rebounded[] = [];
  for (const own of files.values()) {
    const beside = besideBounds(own, schema.idType, ids);
    if (beside.length === 0) continue;
    const searched = await searchFiles(
      beside.map(({ path }) => path),
      { engine, schema },
      [],
      context,
    );
    changed.push(rebounded(own, schema.idType, ids, ({ path }: BaseFile) => searched.get(path)));
  }
  const facts = { now: clock.now(), engineVersion, host: hostname() };
  const version = await makeVisible(held, purgeActions({ ...held, ...facts, namespace, snapshot, changed }), context);
  return { version, dropped: changed.flatMap((partition) => partition.dropped) };
}

/** Writes the checkpoint that the version is read from once the entries before it are gone. */
async function writeOwnCheckpoint(
  version: number,
  retention: number,
  { storage, clock, scratch }: Held<PurgeContext>,
): Promise<void> {
  const opened = await openTable(storage);
  if (opened?.snapshot.version !== version) throw notThere(storage, version);
  await scratched(scratch, () => mkdir(scratch, { recursive: true }));
  const { pointed } = await writeCheckpoint(storage, opened.snapshot, clock.now(), retention, scratch);
  if (!pointed) throw notThere(storage, version);
}

function notThere({ uri }: Pick<Storage, 'uri'>, version: number): MongolakeError {
  return new MongolakeError(
    'TABLE_FOREIGN',
    `${uri}: version ${version} is not the newest any more: another writer was faster`,
    {
      hint: 'Nothing was deleted yet. Stop what else writes to this table, and run the same command again.',
    },
  );
}

const BATCH = 1000;

async function deleteAll(keys: readonly string[], { storage, signal }: Held<PurgeContext>): Promise<void> {
  for (let from = 0; from < keys.length; from += BATCH) {
    signal.throwIfAborted();
    await storage.delete(keys.slice(from, from + BATCH));
  }
}

/** What the version does not refer to, whatever its age: data files, staging, quarantined documents, lists. */
async function unusedObjects(state: TableState, storage: Storage): Promise<readonly ObjectInfo[]> {
  const live = new Set([...state.snapshot.files.keys()].map(decodeURIComponent));
  const kept = await keptBeside(storage, state);
  const unused: ObjectInfo[] = [];
  for await (const object of storage.list('')) {
    const { key } = object;
    if (isData(key) ? !live.has(key) : isBeside(key) && !kept.has(key)) unused.push(object);
  }
  return unused;
}

const BESIDE = [QUARANTINE_PREFIX, ERASED_PREFIX, RUNS_PREFIX, VERIFICATIONS_PREFIX];

function isBeside(key: string): boolean {
  return BESIDE.some((prefix) => key.startsWith(prefix));
}

/** The lists that a version names, and the documents on them. */
async function keptBeside(storage: Storage, state: TableState): Promise<ReadonlySet<string>> {
  const listed = await readQuarantine(storage, state);
  const [quarantine, erased] = [listNumber(state), erasedNumber(state)];
  return new Set([
    ...(quarantine === undefined ? [] : [quarantineListKey(quarantine)]),
    ...(erased === undefined ? [] : [erasedListKey(erased)]),
    ...listed.flatMap(({ object }) => (object === null ? [] : [object])),
  ]);
}

/** What held the ids before, and what was found to hold one now. */
async function prove(
  ids: readonly ErasableId[],
  before: readonly Holder[],
  context: Held<PurgeContext>,
): Promise<readonly Proof[]> {
  const state = await openState(context.storage);
  if (state === undefined) throw tableMissing(context.storage);
  const left = new Map((await searchTable(state, ids, context)).map((holder) => [holder.key, holder]));
  const then = before.map((holder) => ({ ...holder, gone: !left.has(holder.key) }));
  const known = new Set(before.map(({ key }) => key));
  return [...then, ...[...left.values()].filter(({ key }) => !known.has(key)).map((one) => ({ ...one, gone: false }))];
}
