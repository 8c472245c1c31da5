import { listLog } from '../../coordinator/log.ts';
import { type OpenedState, openNewest } from '../../coordinator/table.ts';
import type { Storage } from '../../shared/ports/storage.ts';

/** What tells that the log's newest entry is still the one that was opened. */
interface Head {
  readonly version: number;
  readonly modifiedAt: number;
  readonly size: number;
}

/** Opens a table's newest version, and opens it anew only once there is another one: else it costs one short listing. Errors: as `openNewest`. */
export function newestOf(storage: Storage): () => Promise<OpenedState> {
  let known: { readonly head: Head; readonly opened: OpenedState } | undefined;
  return async () => {
    if (known !== undefined && sameHead(await headOf(storage, known.head.version), known.head)) return known.opened;
    known = undefined;
    const opened = slim(await openNewest(storage));
    const head = await headOf(storage, opened.version);
    if (head?.version === opened.version) known = { head, opened };
    return opened;
  };
}

async function headOf(storage: Storage, version: number): Promise<Head | undefined> {
  return version < 0 ? undefined : (await listLog(storage, version)).entries.at(-1);
}

function sameHead(found: Head | undefined, { version, modifiedAt, size }: Head): boolean {
  return found?.version === version && found.modifiedAt === modifiedAt && found.size === size;
}

/** Statistics, tags and tombstones of files are many, and no page shows them. */
function slim({ version, state }: OpenedState): OpenedState {
  if (state === undefined) return { version, state };
  return { version, state: { ...state, snapshot: { ...state.snapshot, files: new Map(), tombstones: new Map() } } };
}
