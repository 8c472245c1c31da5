import { existsSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { systemClock } from '../shared/adapters/clock-system.ts';
import { type InitCollection, type InitOptions as InitFile, renderInitConfig } from '../shared/config/init.ts';
import type { Config } from '../shared/config/schema.ts';
import { resolveTargets } from '../shared/config/targets.ts';
import { parseConfig } from '../shared/config.ts';
import { EXIT, MongolakeError } from '../shared/domain/errors.ts';
import type { GlobalOptions } from './app.ts';
import { type Discovery, discover } from './init-discover.ts';
import { type Choice, describeInit, initJson } from './init-report.ts';
import { printJson, printLine } from './output.ts';

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

/** `init`: looks at a source and writes a configuration for it; returns the exit code. */
export async function initCommand(options: InitOptions, globals: GlobalOptions): Promise<number> {
  const file = options.output ?? globals.config;
  if (existsSync(file) && !options.force) {
    throw new MongolakeError('USAGE', `${file} is there already`, {
      hint: 'Write another with -o FILE, or replace it with --force.',
    });
  }
  const place = choosePlace(options, process.env, file);
  const draft = parseConfig(renderInitConfig(fileFor(place, undefined, options, [])), file, environment(place));
  const found = await discover(draft, databaseOf(options, place), systemClock());
  const text = renderInitConfig(fileFor(place, found.database, options, found.collections));
  const config = parseConfig(text, file, environment(place));
  writeFile(file, text, options.force ?? false);
  const chosen = await choices(config, found);
  const report = { file, found, chosen };
  if (globals.json) printJson(initJson(report));
  else for (const line of describeInit({ ...report, table: options.table, uriSet: uriIsSet(place) })) printLine(line);
  return EXIT.ok;
}

/** Where documents come from. The URI is a secret. */
export type Place =
  | { readonly kind: 'mongodb'; readonly uri: string }
  | { readonly kind: 'dump'; readonly path: string };

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
    throw new MongolakeError(
      'USAGE',
      `${name} is not a connection string: it starts with mongodb:// or mongodb+srv://`,
    );
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

function writeFile(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    throw new MongolakeError('USAGE', `${file} can't be written: ${(error as Error).message}`, { cause: error });
  }
}

async function choices(config: Config, found: Discovery): Promise<ReadonlyMap<string, Choice>> {
  const listed = found.collections.map(({ name }) => ({ database: found.database, name }));
  const targets = await resolveTargets(config, undefined, async () => listed);
  const chosen = new Map<string, Choice>();
  for (const { collection, settings } of targets) {
    const field = found.collections
      .find(({ name }) => name === collection)
      ?.cursorFields.find(({ path, type }) => path === settings.cursorField && type === settings.cursorType);
    if (field === undefined) continue;
    chosen.set(collection, { cursorField: field.path, cursorType: field.type, indexed: field.indexed });
  }
  return chosen;
}
