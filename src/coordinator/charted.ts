import type { Action, Metadata } from '../shared/domain/delta/actions.ts';
import { columnTexts } from '../shared/domain/delta/column-texts.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type HistoryEntry, historyEntry, runBegan } from './history.ts';
import { readVersion } from './log.ts';
import { CONFIGURATION } from './table.ts';

/** One version as a chart shows it: beside what the history tells, how long its run took and the columns that it brought. */
export interface ChartedVersion extends HistoryEntry {
  /** When its run was planned, epoch milliseconds; `undefined` where nobody said. */
  readonly startedAt: number | undefined;
  /** Every column of the schema that the entry has, as `path type`; `undefined` where it leaves the schema as it was. */
  readonly columns: readonly string[] | undefined;
}

/** What changed in the schema with a version. */
export interface SchemaChange {
  /** As `path type`, in the order of the schema. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The digest of one log entry for `readVersions`. */
export function chartedVersion(version: number, modifiedAt: number, actions: readonly Action[]): ChartedVersion {
  const metadata = actions.find((action) => 'metaData' in action)?.metaData;
  return {
    ...historyEntry(version, modifiedAt, actions),
    startedAt: runBegan(actions),
    columns: metadata && columnsOf(metadata),
  };
}

/** None where a fence began the log: the schema is that of no table. */
function columnsOf({ configuration, schemaString }: Metadata): readonly string[] {
  return configuration[CONFIGURATION.pending] === 'true' ? [] : columnTexts(schemaString);
}

/**
 * The columns before the oldest schema among versions, newest first, in a log that has more; `undefined` where there is no such version, or no
 * longer. It opens the version before: its cost is that of a whole listing. Errors: as `readVersion`.
 */
export async function columnsBefore(
  storage: Storage,
  versions: readonly ChartedVersion[],
): Promise<readonly string[] | undefined> {
  const oldest = versions.findLast(({ columns }) => columns !== undefined)?.version ?? 0;
  const snapshot = oldest === 0 ? undefined : await readVersion(storage, oldest - 1);
  return snapshot && columnsOf(snapshot.metadata);
}

/**
 * Version → what it changed in the schema, of versions newest first. `before` are the columns before the oldest schema among them, `undefined`
 * where that is not known, or there was no table: the version that makes it changes nothing.
 */
export function schemaChanges(
  versions: readonly ChartedVersion[],
  before: readonly string[] | undefined,
): ReadonlyMap<number, SchemaChange> {
  const found = new Map<number, SchemaChange>();
  let known = before;
  for (const { version, columns } of versions.toReversed()) {
    if (columns === undefined) continue;
    if (known !== undefined && known.length > 0) {
      const change = { added: without(columns, known), removed: without(known, columns) };
      if (change.added.length + change.removed.length > 0) found.set(version, change);
    }
    known = columns;
  }
  return found;
}

function without(columns: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return columns.filter((column) => !known.has(column));
}

/**
 * Version → rows of the table from then on, of versions newest first: reckoned back from the newest one's `rows`, and on from the first
 * version where that is among them, as far as versions tell what they did. A restore has the rows of the version that it restored.
 */
export function rowsByVersion(versions: readonly ChartedVersion[], rows: number): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let after: number | undefined = versions.at(-1)?.version === 0 ? 0 : undefined;
  for (const version of versions.toReversed()) {
    after = rowsAfter(version, after, found);
    if (after === undefined) break;
    found.set(version.version, after);
  }
  let before = rows;
  for (const version of versions) {
    found.set(version.version, before);
    const change = changeOf(version);
    if (change === undefined) break;
    before -= change;
  }
  return found;
}

function rowsAfter(
  version: ChartedVersion,
  before: number | undefined,
  found: ReadonlyMap<number, number>,
): number | undefined {
  const change = changeOf(version);
  if (change !== undefined && before !== undefined) return before + change;
  return version.operation === 'RESTORE' ? found.get(Number(version.parameters.version)) : undefined;
}

/** Rows that a version has more than the one before; `undefined` where it changed files and does not tell. */
function changeOf({ counts, filesAdded, filesRemoved }: ChartedVersion): number | undefined {
  if (counts !== undefined) return counts.inserted - counts.deleted;
  return filesAdded + filesRemoved === 0 ? 0 : undefined;
}
