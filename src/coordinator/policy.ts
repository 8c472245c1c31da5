import { MongolakeError } from '../shared/domain/errors.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import type { RunMode } from '../shared/domain/plan.ts';
import { pathParts, policyText, type TablePolicy } from '../shared/domain/policy.ts';
import { type Column, structWithin, type TableSchema } from '../shared/domain/schema.ts';
import type { TableState } from './table.ts';

/**
 * Refuses a configured policy that is not the table's, unless the run reads every document anew: then rows of the source get the
 * new one. Even so no id is hashed another way, which would leave each row twice, and no column that there is gets another name.
 * Throws `TABLE_POLICY`.
 */
export function checkPolicy(
  state: Pick<TableState, 'columns' | 'schema'>,
  configured: TablePolicy | undefined,
  rereads: boolean,
  uri: string,
): void {
  const known = state.columns;
  if (policyText(known) === policyText(configured)) return;
  if (idHashing(known) !== idHashing(configured)) {
    throw refused(`${uri} was loaded with other hashes of _id than columns and hashKey now give`, NEW_TABLE);
  }
  const renamed = renamedColumn(state.schema, known, configured);
  if (renamed !== undefined) {
    throw refused(`${uri} has a column for ${renamed} already, which columns.rename now gives another name`, NEW_TABLE);
  }
  if (rereads) return;
  const whatDiffers = differing(known, configured).join(', ');
  throw refused(
    `${uri} was loaded with another column policy than columns now says (${whatDiffers})`,
    'Run `mongolake backfill` once, without --from and --to: it reads the whole collection and applies the policy to every row that the source still has. Or set columns back.',
  );
}

const NEW_TABLE =
  'A table keeps its ids and the names of its columns: load the collection into a new table (change table.uri), or set columns back.';

function refused(message: string, hint: string): MongolakeError {
  return new MongolakeError('TABLE_POLICY', message, { hint });
}

/** True where a run reads every document and means to: a sync that reads all does so for want of a watermark. */
export function rereads(request: { readonly mode: RunMode }, scope: ReadScope): boolean {
  return request.mode === 'backfill' && scope.kind === 'full';
}

/** How ids are hashed: by which key, if at all. */
function idHashing(policy: TablePolicy | undefined): string | undefined {
  return policy?.hash?.includes('_id') ? policy.key : undefined;
}

function differing(a: TablePolicy = {}, b: TablePolicy = {}): readonly string[] {
  const keys = ['include', 'exclude', 'rename', 'decimal', 'json', 'hash'] as const;
  const own = keys.filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key])).map((key) => `columns.${key}`);
  const otherKey = a.key !== undefined && b.key !== undefined && a.key !== b.key;
  return otherKey ? [...own, 'hashKey'] : own;
}

/** A path whose columns the table has and whose configured name changes; `undefined` where there is none. */
function renamedColumn(schema: TableSchema, known: TablePolicy = {}, configured: TablePolicy = {}): string | undefined {
  const [before, after] = [known.rename ?? {}, configured.rename ?? {}];
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return paths.find((path) => before[path] !== after[path] && hasColumn(schema.columns, pathParts(path)));
}

function hasColumn(columns: readonly Column[], [name, ...rest]: readonly string[]): boolean {
  const own = columns.filter(({ source }) => source === name);
  return rest.length === 0 ? own.length > 0 : own.some(({ type }) => hasColumn(structWithin(type)?.fields ?? [], rest));
}
