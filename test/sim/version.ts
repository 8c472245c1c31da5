import { type Collection, stateOfRow } from './collection.ts';
import type { AddedFile, Entry } from './log-entry.ts';
import { compareIdTexts, decodeRows, type Row } from './rows.ts';
import type { StoredObject } from './store.ts';
import { Violation } from './world.ts';

/** A version of the table, as a reader sees it. */
export interface Version {
  readonly number: number;
  readonly files: ReadonlyMap<string, AddedFile>;
  readonly rows: ReadonlyMap<string, Row>;
  readonly idType: string;
  readonly watermark: number | null;
  /** Names its list of quarantined documents. */
  readonly list: number | undefined;
}

export const NO_VERSION: Version = {
  number: -1,
  files: new Map(),
  rows: new Map(),
  idType: '',
  watermark: null,
  list: undefined,
};

/** The version that an entry makes of the one before. Throws what of it no reader should ever see. */
export function nextVersion(
  before: Version,
  entry: Entry,
  objects: ReadonlyMap<string, StoredObject>,
  collection: Collection,
): Version {
  const number = before.number + 1;
  const files = new Map(before.files);
  for (const path of entry.removed) {
    if (!files.delete(path)) throw new Violation('I3', `version ${number} removes ${path}, which is not in the table`);
  }
  for (const file of entry.added) files.set(file.path, file);
  const idType = entry.idType ?? before.idType;
  checkRanges([...files.values()], idType);
  const rows = readRows(number, files, idType, objects);
  for (const row of rows.values()) stateOfRow(collection, row);
  const watermark = entry.watermark ?? before.watermark;
  return { number, files, rows, idType, watermark, list: entry.list ?? before.list };
}

/** I1 and I3: every file is there, and no id twice in them. */
function readRows(
  number: number,
  files: Version['files'],
  idType: string,
  objects: ReadonlyMap<string, StoredObject>,
): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const file of files.values()) {
    const object = objects.get(file.path);
    if (object === undefined) throw new Violation('I3', `version ${number} names ${file.path}, which is not there`);
    for (const row of decodeRows(object.body)) {
      if (rows.has(row.id)) throw new Violation('I1', `version ${number} has ${JSON.stringify(row.id)} twice`);
      if (!isWithin(file, row.id, idType)) {
        throw new Violation('ranges', `${file.path} holds ${JSON.stringify(row.id)}, which is not of its range`);
      }
      rows.set(row.id, row);
    }
  }
  return rows;
}

function isWithin({ lower, upper }: AddedFile, id: string, idType: string): boolean {
  const isAbove = lower === null || compareIdTexts(idType, lower, id) <= 0;
  return isAbove && (upper === null || compareIdTexts(idType, id, upper) < 0);
}

/** The files of a partition own ranges that tile all ids, so that every id has one home. */
function checkRanges(files: readonly AddedFile[], idType: string): void {
  for (const partition of new Set(files.map((file) => file.partition))) {
    const own = files.filter((file) => file.partition === partition).sort((a, b) => compareLower(idType, a, b));
    const edges = own.flatMap(({ lower, upper }) => [lower, upper]);
    const isTiled = edges.every((edge, i) => {
      const isOuter = i === 0 || i === edges.length - 1;
      return isOuter ? edge === null : i % 2 === 0 || edge === edges[i + 1];
    });
    if (!isTiled) throw new Violation('ranges', `those of partition ${partition} leave a gap or overlap: ${edges}`);
  }
}

function compareLower(idType: string, a: AddedFile, b: AddedFile): number {
  if (a.lower === null || b.lower === null) return a.lower === b.lower ? 0 : a.lower === null ? -1 : 1;
  return compareIdTexts(idType, a.lower, b.lower);
}
