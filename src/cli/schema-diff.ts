import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { previewSchema, type SchemaPreview } from '../coordinator/schema-preview.ts';
import { kindText } from '../shared/domain/delta/schema.ts';
import { EXIT } from '../shared/domain/errors.ts';
import { FOREIGN_ID_HINT } from '../shared/domain/foreign-ids.ts';
import type { AddedColumn } from '../shared/domain/schema-diff.ts';
import type { App } from './app.ts';
import { exitCodeOf, number } from './output.ts';
import { describeScope } from './plan.ts';
import { RENAMED, typeText } from './schema-rows.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, printable, tableTitle } from './text.ts';

/** `schema --diff`: what the next sync would change in the schema, changing nothing; returns the exit code. */
export async function schemaDiffCommand(
  app: App,
  name: string | undefined,
  { json, detailedExitcode }: { readonly json: boolean; readonly detailedExitcode: boolean },
): Promise<number> {
  const outcomes = await readTables(app, await app.targets(name), async (target, storage) => {
    const source = app.source(target);
    try {
      const request = { settings: target.settings, columns: app.columns(target), keyed: app.keyed };
      return await previewSchema(request, { storage, source, clock: app.clock, signal: app.signal });
    } finally {
      await source.close();
    }
  });
  printOutcomes(outcomes, json, { json: schemaDiffJson, lines: describeSchemaDiff });
  const failures = failuresOf(outcomes);
  if (failures.length > 0) return exitCodeOf(failures);
  const changes = outcomes.some((outcome) => 'value' in outcome && hasChanges(outcome.value));
  return detailedExitcode && changes ? EXIT.workToDo : EXIT.ok;
}

/** Whether the sync would change the schema, or stop for an id that does not fit it. */
function hasChanges({ diff, foreignIds }: SchemaPreview): boolean {
  return diff.added.length > 0 || foreignIds.length > 0;
}

/** The preview of one table as `--json` prints it. */
export function schemaDiffJson(table: string, preview: SchemaPreview): Record<string, unknown> {
  const { base, documents, complete, broken, idType, diff, foreignIds } = preview;
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    version: base ?? null,
    full: preview.scope.kind === 'full',
    documents,
    complete,
    broken,
    idType,
    added: diff.added.map(({ path, source, type, why, renamed, limit }) => ({
      column: path.join('.'),
      type: typeText(type),
      kind: kindText(type),
      source,
      why,
      renamed,
      limit,
    })),
    jsonColumn: diff.jsonColumn,
    columns: diff.columns,
    foreignIds,
  };
}

/** What would change, for people. */
export function describeSchemaDiff(table: string, preview: SchemaPreview): readonly string[] {
  const { documents, broken, diff } = preview;
  return [
    `${tableTitle(table)}  ${headline(preview)}`,
    `  ${pc.dim('looked at')}  ${describeLook(preview)}`,
    ...describeAdded(diff.added),
    ...(documents === 0 ? [] : describeJsonColumn(preview)),
    ...(diff.columns.used < diff.columns.limit
      ? []
      : [note(`the limit of ${number(diff.columns.limit)} columns is reached: new fields go to the JSON column`)]),
    ...(broken === 0 ? [] : [note(`${counted(broken, 'document')} can't be stored`)]),
    ...describeForeignIds(preview),
  ];
}

function headline(preview: SchemaPreview): string {
  const { base, documents, diff } = preview;
  if (base === undefined && documents === 0) return pc.green('no table yet, and no document to make one of');
  const idText = preview.idType === 'long' ? 'ids that are integers' : 'ids that are strings';
  const columns = counted(diff.added.length, 'column');
  if (base === undefined) return pc.cyan(`no table yet: the next sync would make it, with ${idText} and ${columns}`);
  const version = `version ${number(base)}`;
  if (preview.foreignIds.length > 0) return pc.red(`${version}, the next sync would stop before its commit`);
  if (diff.added.length === 0) return pc.green(`${version}, the schema stays as it is`);
  return pc.cyan(`${version}, the next sync would add ${columns}`);
}

function describeLook({ scope, documents, complete }: SchemaPreview): string {
  const looked = counted(documents, 'document');
  if (complete) return `${looked}: all that it would read (${describeScope(scope)})`;
  return `the first ${looked} of the whole collection: the others may have more`;
}

/** A line for each column, below those that it is in; what is there already has no mark. */
function describeAdded(added: readonly AddedColumn[]): readonly string[] {
  if (added.length === 0) return [];
  const shown = new Set<string>();
  const rows = added.flatMap((column) => {
    const { path } = column;
    const around = path.slice(0, -1).flatMap((name, depth) => {
      const key = JSON.stringify(path.slice(0, depth + 1));
      if (shown.has(key)) return [];
      shown.add(key);
      return [[' ', indented(name, depth)]];
    });
    shown.add(JSON.stringify(path));
    const name = indented(path.at(-1) ?? '', path.length - 1);
    const cells = [typeText(column.type), printable(column.source), kindText(column.type), reason(column)];
    return [...around, ['+', name, ...cells]];
  });
  const [header = '', ...lines] = alignRows([[' ', 'column', 'type', 'source', 'kind', 'why'], ...rows]);
  return [pc.dim(header), ...lines.map((line) => (line.startsWith('+') ? pc.green(line) : line))];
}

function indented(name: string, depth: number): string {
  return `${'  '.repeat(depth)}${printable(name)}`;
}

const WHY = {
  newField: 'new field',
  typeConflict: 'type conflict: values that the field has no column for',
  jsonColumn: 'values without a column of their own',
} as const;
const LIMIT = {
  keys: 'one column: its keys are data',
  depth: 'one column: too deep for columns of its own',
} as const;

function reason({ why, renamed, limit }: AddedColumn): string {
  return [WHY[why], ...(renamed === null ? [] : [RENAMED[renamed]]), ...(limit === null ? [] : [LIMIT[limit]])].join(
    '; ',
  );
}

const MOST_PATHS = 10;

function describeJsonColumn({ diff: { jsonColumn } }: SchemaPreview): readonly string[] {
  if (jsonColumn.length === 0) return [];
  const more = jsonColumn.length - MOST_PATHS;
  const paths = jsonColumn.slice(0, MOST_PATHS).map(printable).join(', ');
  return [note(`to the JSON column go values of ${paths}${more > 0 ? ` and ${number(more)} more` : ''}`)];
}

function describeForeignIds({ foreignIds }: SchemaPreview): readonly string[] {
  if (foreignIds.length === 0) return [];
  const kinds = foreignIds.map(
    ({ kind, documents, example }) => `${counted(documents, 'document')} (${kind}, such as ${printable(example)})`,
  );
  return [
    `  ${pc.red('ids')}  the table's ids are integers; others have ${kinds.join(', ')}`,
    `  ${pc.dim('hint')} ${FOREIGN_ID_HINT}`,
  ];
}

function note(text: string): string {
  return `  ${pc.yellow('note')}  ${text}`;
}
