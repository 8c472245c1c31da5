import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { interpret, type TableState } from '../coordinator/table.ts';
import { readChosen } from '../coordinator/versions.ts';
import { renderJsonSchema } from '../shared/config/json-schema.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf } from './output.ts';
import { schemaDiffCommand } from './schema-diff.ts';
import { schemaRows } from './schema-rows.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, printable, tableTitle } from './text.ts';
import { type VersionOptions, versionChoice } from './version-choice.ts';

export interface SchemaOptions extends VersionOptions {
  readonly ofConfig?: boolean;
  readonly diff?: boolean;
  readonly detailedExitcode?: boolean;
}

/** `schema`: the columns of each table, of its newest version or an older one, what the next sync would change in them, or the JSON Schema of the configuration file; returns the exit code. */
export async function schemaCommand(
  name: string | undefined,
  options: SchemaOptions,
  globals: GlobalOptions,
): Promise<number> {
  if (options.ofConfig) {
    process.stdout.write(renderJsonSchema());
    return 0;
  }
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const choice = versionChoice(options);
  if (options.diff && choice.kind !== 'newest') {
    throw new MongolakeError('USAGE', 'schema: --diff is about the next sync, not about an older version', {
      hint: 'Leave out --version and --timestamp, or --diff.',
    });
  }
  if (options.diff) return schemaDiffCommand(app, name, { json, detailedExitcode: options.detailedExitcode ?? false });
  const outcomes = await readTables(app, await app.targets(name), async (_, storage) => {
    const { snapshot } = await readChosen(storage, choice);
    return interpret(snapshot, storage.uri);
  });
  printOutcomes(outcomes, json, { json: schemaJson, lines: describeSchema });
  return exitCodeOf(failuresOf(outcomes));
}

/** The schema of one table as `--json` prints it: Delta's own form (Delta PROTOCOL.md, "Schema Serialization Format"). */
export function schemaJson(table: string, state: Pick<TableState, 'version' | 'snapshot'>): Record<string, unknown> {
  const schema = JSON.parse(state.snapshot.metadata.schemaString) as unknown;
  return { schemaVersion: JSON_SCHEMA_VERSION, table, version: state.version, schema };
}

/** The columns for people. */
export function describeSchema(
  table: string,
  { version, schema, columns }: Pick<TableState, 'version' | 'schema' | 'columns'>,
): readonly string[] {
  const rows = schemaRows(schema, columns).map(({ depth, name, type, nullable, source, kind, note }) => [
    `${'  '.repeat(depth)}${printable(name)}`,
    type,
    nullable ? 'yes' : 'no',
    printable(source),
    kind,
    printable(note),
  ]);
  const header = [
    'column',
    'type',
    'null',
    'source',
    'kind',
    ...(rows.some((row) => row.at(-1) !== '') ? ['note'] : []),
  ];
  const [first = '', ...lines] = alignRows([header, ...rows]);
  const count = 1 + schema.columns.length + (schema.extra === null ? 0 : 1);
  return [`${tableTitle(table)}  version ${version}, ${counted(count, 'column')}`, pc.dim(first), ...lines];
}
