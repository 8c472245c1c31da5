import { MongolakeError } from './errors.ts';
import type { IdClass, IdType } from './ids.ts';
import type { Sketch } from './sketch.ts';

/** Ids of one class that a table can't hold. */
export interface ForeignIds {
  readonly kind: IdClass;
  /** Documents. */
  readonly documents: number;
  /** One of the ids, as text of at most 100 characters. */
  readonly example: string;
}

/** What to do where a table of integers is to hold another id. */
export const FOREIGN_ID_HINT = 'Give the table string ids: `mongolake repartition --id-type string`, then sync again.';

/** The ids of the sketch that a table of this id type can't hold: those that are no integers, where its ids are. */
export function foreignIds(
  idType: IdType,
  { ids, idExamples }: Pick<Sketch, 'ids' | 'idExamples'>,
): readonly ForeignIds[] {
  if (idType !== 'long') return [];
  return (Object.entries(ids) as [IdClass, number][])
    .filter(([kind, documents]) => kind !== 'long' && documents > 0)
    .map(([kind, documents]) => ({ kind, documents, example: idExamples[kind] ?? '' }));
}

/** Throws `ID_TYPE` where an id of the sketch does not fit the table. */
export function refuseForeignIds(idType: IdType, sketch: Sketch): void {
  const [first] = foreignIds(idType, sketch);
  if (first === undefined) return;
  throw new MongolakeError(
    'ID_TYPE',
    `_id ${first.example} (${first.kind}) does not fit the table, whose ids are integers`,
    { hint: `${FOREIGN_ID_HINT} The table is as before.` },
  );
}
