import type { AddFile } from '../shared/domain/delta/actions.ts';
import { parseExact } from '../shared/domain/delta/exact-json.ts';
import { ID_COLUMN } from '../shared/domain/schema.ts';
import { TAGS } from './table.ts';

/** Whether what the log says of a file has one of the ids, as a table stores them: as a bound of its range, or as its least or greatest id. */
export function addTells({ tags, stats }: AddFile, ids: ReadonlySet<string>): boolean {
  const told = [tags?.[TAGS.lower], tags?.[TAGS.upper], ...idBounds(stats)];
  return told.some((bound) => bound !== undefined && ids.has(bound));
}

function idBounds(stats: string | undefined): readonly (string | undefined)[] {
  if (stats === undefined) return [];
  const { minValues, maxValues } = parseExact(stats) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return [minValues, maxValues].map((bounds) => {
    const bound = bounds?.[ID_COLUMN];
    return bound === undefined ? undefined : String(bound);
  });
}
