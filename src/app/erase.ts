import type { Erased } from '../coordinator/erase.ts';
import type { ErasePreview } from '../coordinator/erase-preview.ts';
import { JSON_SCHEMA_VERSION, resultJson } from './json.ts';

/** Whether nothing was found that still holds an id which was to be purged. */
export function isProved({ purged }: Pick<Erased, 'purged'>): boolean {
  return purged === undefined || purged.proof.every(({ gone }) => gone);
}

/** An erasure as `--json` prints it: the fields of a run, and its own. */
export function eraseJson(table: string, erased: Erased): Record<string, unknown> {
  const { run, ids, notFound, listed, onList, purged } = erased;
  const { status, version, ...rest } = resultJson(table, run);
  return {
    ...rest,
    status: purged === undefined ? status : isProved(erased) ? 'purged' : 'incomplete',
    version: purged?.version ?? version,
    ids,
    notFound,
    listed,
    onList,
    purge:
      purged === undefined
        ? null
        : { version: purged.version, givenUp: purged.givenUp, dataFiles: purged.files, bytes: purged.bytes },
    proof: (purged?.proof ?? []).map(({ key, what, gone }) => ({ object: key, what, gone })),
  };
}

/** What an erasure would do, as `--json` prints it. */
export function previewJson(table: string, { purge, ...preview }: ErasePreview): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: 'dry-run',
    ...preview,
    purge:
      purge === undefined
        ? null
        : {
            givenUp: purge.givenUp,
            dataFiles: purge.files,
            bytes: purge.bytes,
            objects: purge.holders.map(({ key, what }) => ({ object: key, what })),
          },
  };
}
