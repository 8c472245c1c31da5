import { hostname } from 'node:os';
import { crashPoint } from '../shared/crash-points.ts';
import { readJson } from '../shared/documents.ts';
import type { AddFile, Snapshot } from '../shared/domain/delta/actions.ts';
import { numRecords } from '../shared/domain/delta/stats.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { DATA_PREFIX, QUARANTINE_PREFIX, quarantineListKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { positionTimeOrNull } from '../shared/domain/position.ts';
import type { ListedDocument, QuarantineManifest } from '../shared/domain/quarantine.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { RunSettings } from './carry-out.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { makeVisible } from './commit-run.ts';
import { listedDigests } from './erased.ts';
import { noteRestored } from './freshness.ts';
import { readingBegan } from './history.ts';
import { dropOldStaging } from './housekeep.ts';
import { openTable, readEntry } from './log.ts';
import { checkNamespace } from './plan.ts';
import { listNumber, putList } from './quarantine.ts';
import { checkOwnFiles, isSame, type Restoration, restoration, restoreActions } from './restore-plan.ts';
import { runName } from './run-progress.ts';
import { type Held, type HeldTable, type HoldContext, holdTable, total } from './steps.ts';
import { interpret, type Namespace, openNewestOfAny, positionIn, tableMissing, watermarkOf } from './table.ts';
import { finishable, stagedPlans } from './unfinished.ts';
import { oldestWhole } from './vacuum-note.ts';
import { readChosen, type VersionChoice } from './versions.ts';

/** Which version of a table is to be its newest again. */
export interface RestoreRequest {
  readonly choice: VersionChoice;
  /** The collection that the table is configured for. */
  readonly namespace: Namespace;
  readonly settings: Pick<RunSettings, 'leaseTtl' | 'checkpointInterval' | 'retention'>;
}

export interface RestoreContext extends HoldContext {
  /** A folder for the checkpoint. */
  readonly scratch: string;
}

/** What a restore did. */
export interface RestoreResult {
  readonly run: string;
  /** The new version; `null` where the table was that already. */
  readonly version: number | null;
  /** The version that came back, and when it was committed, epoch milliseconds, where the log still tells. */
  readonly restored: number;
  readonly restoredTime: number | undefined;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** Rows of those files: a row that only changed is in a file of each. */
  readonly rowsAdded: number;
  readonly rowsRemoved: number;
  /** Of the table now. */
  readonly rows: number;
  /** Epoch milliseconds: from here on the next sync reads. */
  readonly watermark: number | null;
  /** The run that did not end and was given up. */
  readonly givenUp: string | undefined;
}

/** A version that comes back, as a table of ours. */
type Then = ReturnType<typeof interpret>;

/**
 * Makes a table what one of its versions was, by a new version: files, schema, configuration, watermark, list of quarantined documents. The
 * source is not read; the next sync reads from that watermark on. A run that did not end is given up, what another writer has committed is
 * undone. Errors, before anything is written: those of `readChosen`, `TABLE_FOREIGN` where that version is not ours, `TABLE_NAMESPACE`,
 * `LEASE_HELD`, `OBJECT_MISSING` where something of it is gone; then those of a commit.
 */
export async function restoreTable(request: RestoreRequest, outer: RestoreContext): Promise<RestoreResult> {
  const { storage } = outer;
  const { snapshot, time } = await readChosen(storage, request.choice);
  const then = interpret(snapshot, storage.uri);
  checkOwnFiles(then, storage.uri);
  checkNamespace(then, request, storage.uri);
  const work = async (held: HeldTable, context: Held<RestoreContext>): Promise<RestoreResult> => {
    const done = await putBack(then, held, request, context);
    return { run: held.run, restored: then.version, restoredTime: time, rows: rowsOf(then.snapshot), ...done };
  };
  return holdTable(request.settings.leaseTtl, outer, work, openNewestOfAny);
}

type Done = Omit<RestoreResult, 'run' | 'restored' | 'restoredTime' | 'rows'>;

async function putBack(
  then: Then,
  held: HeldTable,
  { settings }: RestoreRequest,
  context: Held<RestoreContext>,
): Promise<Done> {
  const { storage, logger, clock, engineVersion } = context;
  const { run, epoch, base } = held;
  const newest = (await openTable(storage))?.snapshot;
  if (newest === undefined) throw tableMissing(storage);
  const { namespace } = then;
  const change = restoration(newest, then.snapshot, namespace);
  const listNow = listNumber({ snapshot: newest, namespace });
  const relists = listNow !== listNumber(then);
  const watermark = watermarkOf(change.watermark) ?? positionTimeOrNull(positionIn(change.position));
  // What another writer has committed is undone by an entry of ours, even where it changed nothing that counts.
  if (held.state !== undefined && isSame(change) && !relists) return { ...NOTHING_DONE, watermark };
  await checkNotErased(storage, then, { snapshot: newest, namespace });
  await checkWhole(storage, then, change, relists);
  const list = relists ? await listThen(storage, then) : undefined;
  const givenUp = await giveUp(then.version, held, context);
  const first = Math.max(epoch, (listNow ?? 0) + 1);
  const quarantineList = list && (list.number ?? (await putList(storage, first, { formatVersion: 1, run, ...list })));
  const facts = { run, epoch, base, now: clock.now(), engineVersion, host: hostname() };
  const entry = { change, namespace, restored: then.version, quarantineList, ...facts };
  const version = await makeVisible(held, restoreActions(entry), context);
  logger.info('restored', { version, restored: then.version });
  await writeCheckpointIfDue(version, settings, context);
  await note(then.version, { run, version, watermark }, context);
  return { version, ...sums(change, newest), watermark, givenUp };
}

const NOTHING_DONE = {
  version: null,
  filesAdded: 0,
  filesRemoved: 0,
  rowsAdded: 0,
  rowsRemoved: 0,
  givenUp: undefined,
} as const;

function sums(
  { added, removed }: Restoration,
  { files }: Snapshot,
): Pick<Done, 'filesAdded' | 'filesRemoved' | 'rowsAdded' | 'rowsRemoved'> {
  const back = added.filter(({ path }) => !files.has(path));
  const rows = (of: readonly AddFile[]) => total(of, ({ stats }) => numRecords(stats));
  return {
    filesAdded: back.length,
    filesRemoved: removed.length,
    rowsAdded: rows(back),
    rowsRemoved: rows(removed),
  };
}

function rowsOf({ files }: Snapshot): number {
  return total([...files.values()], ({ stats }) => numRecords(stats));
}

const NAMED = 3;

/** Throws `OBJECT_MISSING` where a data file of the version is gone, or may be deleted yet. */
async function checkWhole(storage: Storage, then: Then, { added }: Restoration, relists: boolean): Promise<void> {
  const oldest = await oldestWhole(storage);
  if (then.version < oldest && (added.length > 0 || relists)) {
    throw gone(storage, then.version, `a vacuum has begun to delete what is older than version ${oldest}`);
  }
  const missing = new Map([...then.snapshot.files.values()].map(({ path, size }) => [decodeURIComponent(path), size]));
  const files = missing.size;
  for await (const { key, size } of storage.list(DATA_PREFIX)) if (missing.get(key) === size) missing.delete(key);
  if (missing.size === 0) return;
  const named = [...missing.keys()].sort().slice(0, NAMED).join(', ');
  const more = missing.size > NAMED ? ` and ${missing.size - NAMED} more` : '';
  throw gone(storage, then.version, `${missing.size} of its ${files} data files are gone: ${named}${more}`);
}

/** Throws `VERSION_MISSING` where ids were erased since the version: it may have rows of them. */
async function checkNotErased(
  storage: Storage,
  then: Then,
  newest: Pick<Then, 'snapshot' | 'namespace'>,
): Promise<void> {
  const allowed = await listedDigests(storage, then);
  const since = [...(await listedDigests(storage, newest))].filter((digest) => !allowed.has(digest)).length;
  if (since === 0) return;
  throw new MongolakeError(
    'VERSION_MISSING',
    `${storage.uri}: version ${then.version} can't come back: ids that it may hold were erased since (${since})`,
    {
      hint: 'Nothing was changed. Choose a version from the erasure on (`mongolake history`). Where these rows are to come back, take their ids off the list first: `mongolake erase --allow`.',
    },
  );
}

function gone({ uri }: Pick<Storage, 'uri'>, version: number, why: string): MongolakeError {
  return new MongolakeError('OBJECT_MISSING', `${uri}: version ${version} can't come back: ${why}`, {
    hint: 'Nothing was changed. `vacuum` deletes what was removed from the table longer ago than `retention`: choose a later version (`mongolake history`), or load anew with `mongolake backfill --replace`.',
  });
}

/** The quarantined documents of the version. `number`: their list's, where it is as it was. */
interface ListThen {
  readonly documents: readonly ListedDocument[];
  readonly number: number | undefined;
}

/** Those whose bytes are gone since, for they were stored or withdrawn, are listed without them. Throws `OBJECT_MISSING` where the list is gone. */
async function listThen(storage: Storage, then: Then): Promise<ListThen> {
  const number = listNumber(then);
  if (number === undefined) return { documents: [], number };
  const { documents } = await readJson<QuarantineManifest>(storage, quarantineListKey(number));
  const there = new Set<string>();
  for await (const { key } of storage.list(QUARANTINE_PREFIX)) there.add(key);
  const isWhole = ({ object }: ListedDocument) => object === null || there.has(object);
  if (documents.every(isWhole)) return { documents, number };
  return { documents: documents.map((one) => (isWhole(one) ? one : { ...one, object: null })), number: undefined };
}

/** Gives up the run that did not end, if there is one: what it staged is for a version that will not be the newest any more. */
async function giveUp(
  restored: number,
  { base, epoch }: HeldTable,
  context: Held<RestoreContext>,
): Promise<string | undefined> {
  const { storage, lease, logger } = context;
  const [plan] = await finishable(storage, await stagedPlans(storage), { newest: base, floor: lease.floor });
  if (plan !== undefined) warnGivenUp(plan, restored, logger);
  await lease.assertHeld();
  await dropOldStaging(storage, undefined);
  lease.raiseFloor(epoch);
  crashPoint('old-staging-dropped');
  return plan?.run;
}

function warnGivenUp(plan: Plan, restored: number, logger: RestoreContext['logger']): void {
  logger.warn(`an unfinished ${runName(plan)} is given up: the table is restored to version ${restored}`, {
    givenUp: plan.run,
  });
}

/** What follows the commit can be done without. */
async function note(
  restored: number,
  made: { readonly run: string; readonly version: number; readonly watermark: number | null },
  { storage, logger, signal }: Held<RestoreContext>,
): Promise<void> {
  if (signal.aborted) return;
  try {
    const began = readingBegan((await readEntry(storage, restored)) ?? []);
    await noteRestored(storage, { ...made, checkedAt: began ?? made.watermark ?? undefined });
  } catch (error) {
    logger.warn('how fresh the restored version is could not be noted; the next run does it', {
      error: (error as Error).message,
    });
  }
}
