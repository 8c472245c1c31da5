import { existsSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import pc from 'picocolors';
import { createIndex } from '../coordinator/check-verdicts.ts';
import { systemClock } from '../shared/adapters/clock-system.ts';
import { type InitCollection, type InitOptions as InitFile, renderInitConfig } from '../shared/config/init.ts';
import type { Config } from '../shared/config/schema.ts';
import { resolveTargets } from '../shared/config/targets.ts';
import { DEFAULT_CONFIG_FILE, parseConfig } from '../shared/config.ts';
import { EXIT, MongolakeError } from '../shared/domain/errors.ts';
import type { GlobalOptions } from './app.ts';
import { type Discovery, discover } from './init-discover.ts';
import { JSON_SCHEMA_VERSION, number, printJson, printLine } from './output.ts';
import { alignRows, counted, printable } from './text.ts';

export interface InitOptions {
  readonly uri?: string;
  readonly dump?: string;
  readonly database?: string;
  readonly table: string;
  readonly output?: string;
  readonly force?: boolean;
}

/** Takes the connection string in the file that is written. */
const URI_VARIABLE = 'MONGODB_URI';

/** Where the table goes if it is not said. */
export const DEFAULT_TABLE = 'file:./lake/{collection}';

/** `init`: looks at a source and writes a configuration for it; returns the exit code. */
export async function initCommand(options: InitOptions, globals: GlobalOptions): Promise<number> {
  const file = options.output ?? globals.config;
  if (existsSync(file) && !options.force) {
    throw new MongolakeError('USAGE', `${file} is there already`, {
      hint: 'Write another with -o FILE, or replace it with --force.',
    });
  }
  const place = choosePlace(options, process.env, file);
  const stop = new AbortController();
  const found = await discover(configOf(fileFor(place, undefined, options, []), place, file), databaseOf(options, place), systemClock(), stop.signal);
  const text = renderInitConfig(fileFor(place, found.database, options, found.collections));
  const config = parseConfig(text, file, environment(place));
  writeFile(file, text, options.force ?? false);
  const chosen = await choices(config, found);
  if (globals.json) printJson(initJson(file, found, chosen));
  else for (const line of describeInit({ file, table: options.table, found, chosen, uriSet: uriIsSet(place) })) printLine(line);
  return EXIT.ok;
}

/** Where documents come from. The URI is a secret. */
export type Place = { readonly kind: 'mongodb'; readonly uri: string } | { readonly kind: 'dump'; readonly path: string };

/** The source that the options, or else the environment, name. `path` is as the file will have it. Throws `USAGE`. */
export function choosePlace(
  { uri, dump }: Pick<InitOptions, 'uri' | 'dump'>,
  env: Readonly<Record<string, string | undefined>>,
  file: string,
): Place {
  if (uri !== undefined && dump !== undefined) throw new MongolakeError('USAGE', 'give --uri or --dump, not both');
  if (dump !== undefined) {
    if (dump.startsWith('s3://')) throw new MongolakeError('USAGE', '--dump: init looks at local dumps only');
    const path = relative(dirname(resolve(file)), resolve(dump));
    return { kind: 'dump', path: isAbsolute(dump) ? dump : path.startsWith('.') ? path : `./${path}` };
  }
  const given = uri ?? env[URI_VARIABLE];
  if (given === undefined || given === '') {
    throw new MongolakeError('USAGE', 'no source: neither --uri nor --dump is given, and $MONGODB_URI is not set', {
      hint: "export MONGODB_URI='mongodb://user:password@host/', or try a dump: mongolake init --dump ./dump",
    });
  }
  if (!/^mongodb(?:\+srv)?:\/\/\S+$/.test(given.trim())) {
    const name = uri === undefined ? `$${URI_VARIABLE}` : '--uri';
    throw new MongolakeError('USAGE', `${name} is not a connection string: it starts with mongodb:// or mongodb+srv://`);
  }
  return { kind: 'mongodb', uri: given.trim() };
}

/** The database that was named, also as the path of the URI. */
function databaseOf({ database }: InitOptions, place: Place): string | undefined {
  if (database !== undefined || place.kind === 'dump') return database;
  const path = /^mongodb(?:\+srv)?:\/\/[^/]*\/([^?]+)/.exec(place.uri)?.[1];
  return path === undefined ? undefined : decodeURIComponent(path);
}

function environment(place: Place): Record<string, string> {
  return place.kind === 'mongodb' ? { [URI_VARIABLE]: place.uri } : {};
}

function uriIsSet(place: Place): boolean {
  return place.kind === 'dump' || process.env[URI_VARIABLE]?.trim() === place.uri;
}

/** What the file is made of. Before the database is known it is one that only serves to connect. */
function fileFor(
  place: Place,
  database: string | undefined,
  { table }: InitOptions,
  collections: readonly InitCollection[],
): InitFile {
  const named = database === undefined ? {} : { database };
  return {
    source:
      place.kind === 'mongodb'
        ? { kind: 'mongodb', uriVariable: URI_VARIABLE, database: database ?? 'unknown' }
        : { kind: 'dump', path: place.path, ...named },
    collections,
    tableUri: table,
    ...(table.startsWith('s3://') ? { s3: storeFromEnvironment(process.env) } : {}),
  };
}

/** Region and endpoint as the AWS tools take them from the environment. */
function storeFromEnvironment(env: Readonly<Record<string, string | undefined>>): NonNullable<InitFile['s3']> {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  return {
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1',
    ...(endpoint ? { endpoint } : {}),
  };
}

function configOf(options: InitFile, place: Place, file: string): Config {
  return parseConfig(renderInitConfig(options), file, environment(place));
}

function writeFile(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    throw new MongolakeError('USAGE', `${file} can't be written: ${(error as Error).message}`, { cause: error });
  }
}

/** The cursor field of one collection in the written file; `undefined` where it is left out of it. */
export interface Choice {
  readonly cursorField: string;
  readonly indexed: boolean;
}

async function choices(config: Config, found: Discovery): Promise<ReadonlyMap<string, Choice>> {
  const listed = found.collections.map(({ name }) => ({ database: found.database, name }));
  const targets = await resolveTargets(config, undefined, async () => listed);
  const chosen = new Map<string, Choice>();
  for (const { collection, settings } of targets) {
    const field = found.collections
      .find(({ name }) => name === collection)
      ?.dateFields.find(({ path }) => path === settings.cursorField);
    if (field !== undefined) chosen.set(collection, { cursorField: field.path, indexed: field.indexed });
  }
  return chosen;
}

function initJson(file: string, found: Discovery, chosen: ReadonlyMap<string, Choice>): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table: null,
    file,
    database: found.database,
    collections: found.collections.map(({ name, documents, dateFields }) => ({
      name,
      documents: documents ?? null,
      cursorField: chosen.get(name)?.cursorField ?? null,
      indexed: chosen.get(name)?.indexed ?? null,
      dateFields,
    })),
    notes: found.notes,
  };
}

export interface InitReport {
  readonly file: string;
  readonly table: string;
  readonly found: Discovery;
  readonly chosen: ReadonlyMap<string, Choice>;
  /** Whether $MONGODB_URI already holds what the file takes from it. */
  readonly uriSet: boolean;
}

/** What was found, what was written, and what to type next. */
export function describeInit({ file, table, found, chosen, uriSet }: InitReport): readonly string[] {
  const { database, collections, notes } = found;
  const rows = collections.map(({ name, documents, dateFields }) => {
    const choice = chosen.get(name);
    const dates = dateFields.map(({ path }) => path).filter((path) => path !== choice?.cursorField);
    return [
      printable(name),
      documents === undefined ? '?' : number(documents),
      choice === undefined ? pc.yellow('none found') : printable(choice.cursorField),
      indexText(choice, found),
      printable(dates.join(', ')),
    ];
  });
  const [header = '', ...lines] = alignRows(
    [['collection', 'documents', 'cursor field', 'index', 'other dates'], ...rows],
    ['left', 'right'],
  );
  return [
    `${pc.bold(printable(database))}  ${counted(collections.length, 'collection')}`,
    pc.dim(header),
    ...lines,
    ...notes.map((note) => `${pc.yellow('note')}  ${note}`),
    '',
    `${pc.green('written')} ${file}, with tables in ${table}`,
    '',
    'Next:',
    ...nextSteps(file, found, chosen, uriSet).map((line) => `  ${line}`),
  ];
}

function indexText(choice: Choice | undefined, { startedAt }: Discovery): string {
  if (choice === undefined) return '';
  return choice.indexed ? 'yes' : startedAt === undefined ? 'no' : 'no';
}

function nextSteps(
  file: string,
  { collections }: Discovery,
  chosen: ReadonlyMap<string, Choice>,
  uriSet: boolean,
): readonly string[] {
  const command = file === DEFAULT_CONFIG_FILE ? 'mongolake' : `mongolake -c ${file}`;
  const bare = collections.flatMap(({ name }) => {
    const choice = chosen.get(name);
    return choice === undefined || choice.indexed ? [] : [createIndex(name, choice.cursorField)];
  });
  return [
    ...(uriSet ? [] : [`export ${URI_VARIABLE}=…   ${pc.dim('# the connection string is not in the file')}`]),
    ...bare,
    `${command} check`,
    `${command} sync`,
  ];
}
