import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { type Ddl, type DdlEngine, ddlOf } from '../shared/domain/ddl.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf } from './output.ts';
import { printOutcomes } from './tables.ts';

export interface DdlOptions {
  readonly engine: DdlEngine;
  readonly schema?: string;
  readonly catalog: string;
}

/** `ddl`: how each table is registered with an engine, or read by it; returns the exit code. Nothing is read or written. */
export async function ddlCommand(
  name: string | undefined,
  { engine, schema, catalog }: DdlOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const outcomes = await readTables(app, await app.targets(name), async ({ database, collection }, { uri }) => ({
    uri,
    ...ddlOf(engine, { uri, schema: schema ?? database, name: collection, catalog }),
  }));
  printOutcomes(outcomes, globals.json ?? false, {
    json: (table, { uri, statements, notes }) => ({
      schemaVersion: JSON_SCHEMA_VERSION,
      table,
      engine,
      uri,
      statements,
      notes,
    }),
    lines: (table, ddl) => describeDdl(table, ddl),
  });
  return exitCodeOf(failuresOf(outcomes));
}

/** A script that can be run as it is. */
function describeDdl(table: string, { statements, notes }: Ddl): readonly string[] {
  return [...[table, ...notes].map((note) => pc.dim(`-- ${note}`)), ...statements.map((statement) => `${statement};`)];
}
