import { type CursorType, cursorReader } from '../shared/domain/cursor.ts';
import { foldSchema } from '../shared/domain/fold.ts';
import { type ForeignIds, foreignIds } from '../shared/domain/foreign-ids.ts';
import type { IdType } from '../shared/domain/ids.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import { isBroken } from '../shared/domain/quarantine.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { diffSchemas, type SchemaDiff } from '../shared/domain/schema-diff.ts';
import { emptySketch, type Sketch, sketchDocument } from '../shared/domain/sketch.ts';
import { inScope } from '../shared/domain/window.ts';
import { checkNamespace, windowFor } from './plan.ts';
import type { PreviewContext } from './preview.ts';
import { openState } from './table.ts';

/** What the next sync would change in a table's schema. */
export interface SchemaPreview {
  /** The version that it would stand on; `undefined` where it would make the table. */
  readonly base: number | undefined;
  readonly scope: ReadScope;
  /** Documents looked at. */
  readonly documents: number;
  /** Whether these are all that the sync would read. */
  readonly complete: boolean;
  /** Those that can't be stored; they have no part in the rest. */
  readonly broken: number;
  /** Of the table, or of the one that it would make. */
  readonly idType: IdType;
  readonly diff: SchemaDiff;
  /** Ids for which the sync would stop before its commit. */
  readonly foreignIds: readonly ForeignIds[];
}

export interface SchemaPreviewSettings {
  readonly cursorField: string;
  readonly cursorType: CursorType;
  readonly allowedLateness: number;
}

/** Of a whole collection only so many documents are looked at; of a window all. */
const MOST_DOCUMENTS = 10_000;

/**
 * Reads what the next sync would read, and says what would become of the schema. Changes nothing: no lease is taken, no object
 * written. Errors: those of a run's start, and of `Source.read`.
 */
export async function previewSchema(settings: SchemaPreviewSettings, context: PreviewContext): Promise<SchemaPreview> {
  const { storage, source, clock } = context;
  const [state, sourceClock] = await Promise.all([openState(storage), source.clock()]);
  if (state !== undefined) checkNamespace(state, source, storage.uri);
  const { scope } = windowFor({ mode: 'sync', from: null, to: null, settings }, state, sourceClock, clock.now());
  const { sketch, ...seen } = await look(scope, context);
  const foreign = state === undefined ? [] : foreignIds(state.schema.idType, sketch);
  const after = foldSchema(state && foldable(state.schema, foreign), sketch);
  const idType = state?.schema.idType ?? after.idType;
  const diff = diffSchemas(state?.schema, after, sketch);
  return { base: state?.version, scope, ...seen, idType, diff, foreignIds: foreign };
}

/** A fold refuses ids that do not fit; what becomes of the columns is to be told all the same. */
function foldable(schema: TableSchema, foreign: readonly ForeignIds[]): TableSchema {
  return foreign.length === 0 ? schema : { ...schema, idType: 'string:long' };
}

interface Seen {
  readonly sketch: Sketch;
  readonly documents: number;
  readonly complete: boolean;
  readonly broken: number;
}

/** Looks at the documents of a scope; of a full one at the first ones. */
async function look(scope: ReadScope, { source, signal }: PreviewContext): Promise<Seen> {
  const readCursor = scope.kind === 'full' ? undefined : cursorReader(scope.cursor);
  const most = scope.kind === 'full' ? MOST_DOCUMENTS : Number.POSITIVE_INFINITY;
  const sketch = emptySketch();
  let [documents, broken] = [0, 0];
  for await (const { bytes, offsets } of source.read({ scope, part: null }, signal)) {
    for (const at of offsets) {
      if (!inScope(scope, readCursor?.(bytes, at))) continue;
      if (documents === most) return { sketch, documents, complete: false, broken };
      documents++;
      if (!sketched(sketch, bytes, at)) broken++;
    }
  }
  return { sketch, documents, complete: true, broken };
}

/** False where the document can't be stored; it leaves no trace in the sketch. */
function sketched(sketch: Sketch, bytes: Buffer, at: number): boolean {
  try {
    sketchDocument(sketch, bytes, at);
    return true;
  } catch (error) {
    if (isBroken(error)) return false;
    throw error;
  }
}
