import type { AddFile, Snapshot } from '../shared/domain/delta/actions.ts';
import { numRecords } from '../shared/domain/delta/stats.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { TAGS } from './table.ts';
import { readChosen, type VersionChoice } from './versions.ts';

/** A data file of a version. */
export interface DataFile {
  /** As engines read it: `s3://bucket/key`, `file:///path`. Nothing in it is percent-encoded. */
  readonly uri: string;
  readonly rows: number;
  readonly bytes: number;
  /** The hash partition; `null` in a file that another writer made. */
  readonly partition: number | null;
}

/** The data files of one version of a table. */
export interface VersionFiles {
  readonly version: number;
  /** When it was committed, epoch milliseconds; `undefined` where the log does not tell any more. */
  readonly time: number | undefined;
  /** In the order of their keys. */
  readonly files: readonly DataFile[];
}

/** The data files of a version, as its log tells them; whether they are still there is not asked. Errors: those of `readChosen`. */
export async function readFiles(storage: Storage, choice: VersionChoice): Promise<VersionFiles> {
  const { snapshot, time } = await readChosen(storage, choice);
  return { version: snapshot.version, time, files: dataFiles(snapshot, storage.uri) };
}

/** The files of a snapshot of the table at `uri`. */
export function dataFiles({ files }: Pick<Snapshot, 'files'>, uri: string): readonly DataFile[] {
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.map((add) => ({
    uri: fileUri(add, uri),
    rows: numRecords(add.stats),
    bytes: add.size,
    partition: partitionOf(add),
  }));
}

/** Delta lets a path be a whole URI too, as in a shallow clone. */
function fileUri({ path }: AddFile, uri: string): string {
  const plain = decodeURIComponent(path);
  if (/^[a-z][a-z0-9+.-]*:/i.test(plain)) return plain;
  return `${uri.replace(/^file:\/*/, 'file:///')}/${plain}`;
}

/** The hash partition of a file; `null` where it is not one of ours. */
export function partitionOf({ tags }: Pick<AddFile, 'tags'>): number | null {
  const text = tags?.[TAGS.partition];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
