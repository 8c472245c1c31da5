import { type ChartedVersion, chartedVersion, columnsBefore, schemaChanges } from '../../coordinator/charted.ts';
import { readVersions } from '../../coordinator/history.ts';
import { readQuarantine } from '../../coordinator/quarantine.ts';
import { readStatus } from '../../coordinator/status.ts';
import { asMongolakeError } from '../../shared/domain/errors.ts';
import type { TableMode } from '../../shared/domain/window.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Storage } from '../../shared/ports/storage.ts';
import { mergesOf, partitionSizes, runView } from './cells.ts';
import { newestOf } from './newest.ts';
import { remembered } from './remembered.ts';
import type { TableDetail, TableView, Trouble } from './view.ts';

/** Versions that a page shows: a table of ten thousand costs the same as one of two hundred. */
export const VERSIONS_SHOWN = 200;

/** How long a reading of a table with a run is good, and a failure, milliseconds. */
const RUNNING_MS = 1_500;
const FAILED_MS = 5_000;

/** Reads one table for as many as look at it. Errors: as `readStatus`. */
export interface TableReader {
  view(): Promise<TableView>;
  /** The newest versions, and why documents are quarantined. */
  more(): Promise<Pick<TableDetail, 'versions' | 'schemas' | 'reasons'>>;
  close(): Promise<void>;
}

/** A reader of the table in `storage`, which it closes. `idleMs` is how long a reading is good while no run is under way. */
export function tableReader(
  storage: Storage,
  { clock, mode, idleMs }: { readonly clock: Clock; readonly mode: TableMode; readonly idleMs: () => number },
): TableReader {
  const newest = newestOf(storage);
  const merges = mergesOf(storage);
  const history = historyOf(storage);
  const schemas = schemasOf(storage);
  const view = remembered(
    clock,
    async (): Promise<TableView> => {
      const opening = newest();
      const status = await readStatus(storage, clock.now(), opening);
      const { state } = await opening;
      const [last] = await history(state?.version, 1);
      const run = runView(status, await merges(status.run ?? status.unfinished), last);
      return { mode, status, partitions: partitionSizes(state), last, run };
    },
    { lifeMs: ({ run }) => (run?.state === 'running' ? RUNNING_MS : idleMs()), failureMs: FAILED_MS },
  );
  const more = remembered(
    clock,
    async () => {
      const { state } = await newest();
      const versions = await history(state?.version, VERSIONS_SHOWN);
      const reasons = state === undefined ? [] : (await readQuarantine(storage, state)).map(({ reason }) => reason);
      return { versions, schemas: await schemas(versions), reasons: counted(reasons) };
    },
    { lifeMs: () => idleMs(), failureMs: FAILED_MS },
  );
  return { view, more, close: () => storage.close() };
}

/** Reads the newest versions, each entry once: an entry never changes. `count` is at most `VERSIONS_SHOWN`. */
function historyOf(
  storage: Storage,
): (newest: number | undefined, count: number) => Promise<readonly ChartedVersion[]> {
  const none = { from: Number.POSITIVE_INFINITY, to: -1, versions: [] as readonly ChartedVersion[] };
  let known = none;
  return async (newest, count) => {
    if (newest === undefined) return [];
    // A table that was made anew begins anew.
    const { from, to, versions } = known.to > newest ? none : known;
    const oldest = Math.max(0, newest - count + 1);
    const goesOn = from <= oldest && newest - to <= VERSIONS_SHOWN;
    const asked = goesOn ? { limit: VERSIONS_SHOWN, from: to + 1 } : { limit: count, from: oldest };
    const fresh = asked.from > newest ? [] : await readVersions(storage, asked, chartedVersion);
    known = {
      from: goesOn ? from : oldest,
      to: fresh[0]?.version ?? newest,
      versions: (goesOn ? [...fresh, ...versions] : fresh).slice(0, VERSIONS_SHOWN),
    };
    return known.versions.filter(({ version }) => version >= oldest && version <= newest);
  };
}

/** What versions changed in the schema; what was before the oldest of them is read once. */
function schemasOf(storage: Storage): (versions: readonly ChartedVersion[]) => Promise<TableDetail['schemas']> {
  let known: { readonly since: number; readonly before: readonly string[] | undefined } | undefined;
  return async (versions) => {
    const since = versions.findLast(({ columns }) => columns !== undefined)?.version;
    if (since !== undefined && known?.since !== since)
      known = { since, before: await columnsBefore(storage, versions) };
    return schemaChanges(versions, known?.before);
  };
}

function counted(reasons: readonly string[]): TableDetail['reasons'] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, documents]) => ({ reason, documents })).sort((a, b) => b.documents - a.documents);
}

/** An error as pages tell it. */
export function troubleOf(error: unknown): Trouble {
  const { code, message, hint } = asMongolakeError(error);
  return { code, message, hint };
}
