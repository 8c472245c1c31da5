import { unlessBroken } from '../shared/domain/bson.ts';
import { type CursorType, cursorReader } from '../shared/domain/cursor.ts';
import { createCut, type KeyedHash } from '../shared/domain/cut.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { FOLD_LIMITS, foldSchema } from '../shared/domain/fold.ts';
import { type ForeignIds, foreignIds } from '../shared/domain/foreign-ids.ts';
import type { IdType } from '../shared/domain/ids.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import { type FieldPolicy, fieldPolicies, projectionOf, type TablePolicy } from '../shared/domain/policy.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { diffSchemas, type SchemaDiff } from '../shared/domain/schema-diff.ts';
import type { Sketch } from '../shared/domain/sketch.ts';
import { createSketcher } from '../shared/domain/sketcher.ts';
import { inScope, type TableMode } from '../shared/domain/window.ts';
import { checkNamespace, startWindow } from './plan.ts';
import { checkPolicy } from './policy.ts';
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

export interface SchemaPreviewRequest {
  readonly settings: {
    readonly mode: TableMode;
    readonly cursorField: string;
    readonly cursorType: CursorType;
    readonly allowedLateness: number;
  };
  readonly columns?: TablePolicy | undefined;
  /** Makes the hashes of the policy; there where it has any. */
  readonly keyed?: KeyedHash | undefined;
}

const NEXT_SYNC = { mode: 'sync', from: null, to: null, replace: false } as const;

/** Of a whole collection only so many documents are looked at; of a window all. */
const MOST_DOCUMENTS = 10_000;

/**
 * Reads what the next sync would read, and says what would become of the schema. Changes nothing: no lease is taken, no object
 * written. Errors: those of a run's start, and of `Source.read`.
 */
export async function previewSchema(request: SchemaPreviewRequest, context: PreviewContext): Promise<SchemaPreview> {
  const { storage, source, clock } = context;
  const { settings, columns } = request;
  const [state, sourceClock] = await Promise.all([openState(storage), source.clock()]);
  if (state !== undefined) {
    checkNamespace(state, source, storage.uri);
    if (settings.mode !== 'full') checkPolicy(state, columns, false, storage.uri);
  }
  const { scope } = startWindow({ ...NEXT_SYNC, settings }, state, sourceClock, clock.now());
  const policies = fieldPolicies(columns);
  const { sketch, ...seen } = await look(scope, request, policies, context);
  const foreign = state === undefined ? [] : foreignIds(state.schema.idType, sketch);
  const after = foldSchema(state && foldable(state.schema, foreign), sketch, FOLD_LIMITS, policies);
  const idType = state?.schema.idType ?? after.idType;
  const diff = diffSchemas(state?.schema, after, sketch, columns);
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

/** Looks at the documents of a scope as the column policy leaves them; of a full one at the first ones. */
async function look(
  scope: ReadScope,
  { settings: { cursorField }, columns, keyed }: SchemaPreviewRequest,
  policies: FieldPolicy | undefined,
  { source, signal }: PreviewContext,
): Promise<Seen> {
  const readCursor = scope.kind === 'full' ? undefined : cursorReader(scope.cursor);
  const most = scope.kind === 'full' ? MOST_DOCUMENTS : Number.POSITIVE_INFINITY;
  const cut = createCut(columns, cursorField, keyed?.hash ?? noKey);
  const sketcher = createSketcher(policies);
  let [documents, broken] = [0, 0];
  for await (const { bytes, offsets } of source.read(
    { scope, part: null },
    signal,
    projectionOf(columns, [cursorField]),
  )) {
    for (const at of offsets) {
      // As a run counts it: what has no cursor that can be read belongs to every scope.
      const time = unlessBroken(() => readCursor?.(bytes, at), 'broken');
      if (time !== 'broken' && !inScope(scope, time)) continue;
      if (documents === most) return { sketch: sketcher.sketch(), documents, complete: false, broken };
      documents++;
      // A broken one leaves no trace in the sketch.
      if (unlessBroken(() => sketcher.take(cut(bytes, at), 0), undefined) === undefined) broken++;
    }
  }
  return { sketch: sketcher.sketch(), documents, complete: true, broken };
}

function noKey(): never {
  throw new MongolakeError('INTERNAL', 'the configuration hashes fields without a key');
}
