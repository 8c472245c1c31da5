import type { Action, Metadata } from '../shared/domain/delta/actions.ts';
import { columnTexts } from '../shared/domain/delta/column-texts.ts';
import { type HistoryEntry, historyEntry, runBegan } from './history.ts';
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
    columns: metadata && (isYetToCome(metadata) ? [] : columnTexts(metadata.schemaString)),
  };
}

/** Whether a fence began the log: the schema is that of no table. */
function isYetToCome({ configuration }: Metadata): boolean {
  return configuration[CONFIGURATION.pending] === 'true';
}

/**
 * Version → what it changed in the schema, of versions newest first. The first version that made the table changed nothing, and of the
 * oldest schema among them it is not known what was before.
 */
export function schemaChanges(versions: readonly ChartedVersion[]): ReadonlyMap<number, SchemaChange> {
  const found = new Map<number, SchemaChange>();
  let before: readonly string[] | undefined;
  for (const { version, columns } of versions.toReversed()) {
    if (columns === undefined) continue;
    if (before !== undefined && before.length > 0) {
      const change = { added: without(columns, before), removed: without(before, columns) };
      if (change.added.length + change.removed.length > 0) found.set(version, change);
    }
    before = columns;
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
