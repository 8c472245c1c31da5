import { join } from 'node:path';
import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { openState, type TableState, tableMissing } from '../coordinator/table.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { ID_COLUMN, type TableSchema } from '../shared/domain/schema.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { downloadDataFile } from '../worker/data-file.ts';
import type { JsonRow, JsonValue } from '../worker/thread/engine.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { chooseFiles, describeRows, type HeadColumn } from './head-rows.ts';
import { exitCodeOf } from './output.ts';
import { withScratch } from './scratch.ts';
import { printOutcomes } from './tables.ts';
import { counted, tableTitle } from './text.ts';

export interface HeadOptions {
  readonly rows: string;
}

interface Head {
  readonly version: number;
  readonly columns: readonly HeadColumn[];
  readonly rows: readonly JsonRow[];
  /** Rows of the whole table. */
  readonly total: number;
}

/** `head`: a few rows of each table; returns the exit code. */
export async function headCommand(
  name: string | undefined,
  options: HeadOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const limit = Number(options.rows);
  const outcomes = await readTables(app, await app.targets(name), (target, storage) =>
    readRows(app, target, storage, limit),
  );
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  printOutcomes(outcomes, json, { json: headJson, lines: (table, head) => describeHead(table, head, width) });
  return exitCodeOf(failuresOf(outcomes));
}

async function readRows(app: App, target: TableTarget, storage: Storage, limit: number): Promise<Head> {
  const state = await openState(storage);
  if (state === undefined) throw tableMissing(storage);
  const { worker } = app.config;
  return withScratch(worker.scratch, async (scratch) => {
    const paths = await localFiles(target, state, storage, limit, scratch, app.signal);
    // The engine is loaded by this command only.
    const { readHead } = await import('../worker/thread/head.ts');
    const task = { paths, schema: state.schema, limit, memoryBytes: worker.memory, scratch };
    const rows = await readHead(state.engine, task);
    const total = [...state.files.values()].flat().reduce((sum, file) => sum + file.rows, 0);
    return { version: state.version, columns: columnsOf(state.schema), rows, total };
  });
}

function columnsOf({ idType, columns, extra }: TableSchema): readonly HeadColumn[] {
  return [
    { name: ID_COLUMN, numeric: idType === 'long' },
    ...columns.map(({ name, type }) => ({ name, numeric: type.kind === 'long' || type.kind === 'double' })),
    ...(extra === null ? [] : [{ name: extra, numeric: false }]),
  ];
}

/** The files to read, where the engine finds them: in a local folder in place, else fetched. */
async function localFiles(
  target: TableTarget,
  state: TableState,
  storage: Storage,
  limit: number,
  scratch: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const files = chooseFiles([...state.files.values()].flat(), limit);
  if (target.store === undefined) return files.map(({ path }) => join(storage.uri.slice('file:'.length), path));
  const paths: string[] = [];
  for (const [index, file] of files.entries()) {
    const local = join(scratch, `${index}.parquet`);
    await downloadDataFile(storage, file, local, signal);
    paths.push(local);
  }
  return paths;
}

/** The rows of one table as `--json` prints them. */
export function headJson(table: string, { version, columns, rows }: Head): Record<string, unknown> {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, i): [string, JsonValue] => [name, row[i] ?? null])),
  );
  return { schemaVersion: JSON_SCHEMA_VERSION, table, version, rows: objects };
}

/** The rows for people, in at most `width` columns of a terminal. */
export function describeHead(
  table: string,
  { version, columns, rows, total }: Head,
  width: number | undefined,
): readonly string[] {
  const { lines, hidden } = describeRows(columns, rows, width);
  const [header = '', ...body] = lines;
  const more = `${counted(hidden.length, 'more column')}: ${hidden.join(', ')} (--json shows all)`;
  return [
    `${tableTitle(table)}  version ${version}, ${rows.length} of ${counted(total, 'row')}`,
    pc.dim(header),
    ...body,
    ...(hidden.length === 0 ? [] : [pc.dim(more)]),
  ];
}
