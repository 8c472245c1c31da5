import { dirname } from 'node:path';
import { MongolakeError } from '../domain/errors.ts';
import type { TableMode } from '../domain/window.ts';
import type { CollectionInfo } from '../ports/source.ts';
import { claims, storeOf } from './check.ts';
import { literalNames, matchesPatterns, spelledNames } from './patterns.ts';
import type { Config, DumpConnection, MongodbConnection, PipelineConfig, S3Connection } from './schema.ts';
import { SETTING_NAMES, type SettingName, type Settings } from './settings.ts';
import { didYouMean, quoteAll } from './suggest.ts';
import { absoluteTableUri, fillTableUri } from './table-uri.ts';

/** One collection and its table. Holds names of connections, never what is in them, so it may be logged. */
export interface TableTarget {
  /** `pipeline.collection`. */
  readonly name: string;
  readonly pipeline: string;
  readonly database: string;
  readonly collection: string;
  /** Name of the mongodb or dump connection; see `sourceConnection`. */
  readonly connection: string;
  /** Name of the s3 connection, `undefined` for a local folder; see `storeConnection`. */
  readonly store: string | undefined;
  /** `s3://bucket/folder` or `file:/absolute/folder`, without a slash at the end. */
  readonly tableUri: string;
  /** Defaults, overridden by the pipeline's, overridden by the collection's. */
  readonly settings: TableSettings;
}

/** Settings of one table, as its source has it. */
export type TableSettings = Omit<Settings, 'mode'> & { readonly mode: TableMode };

/** Lists the collections of a connection, as `Catalog.collections` does. Only called where the names can't be told without it. */
export type ListCollections = (
  connection: string,
  database: string | undefined,
) => Promise<readonly Pick<CollectionInfo, 'database' | 'name'>[]>;

/**
 * The tables that `PIPELINE[.COLLECTION]` names, in the source's order; without a target, those of the only pipeline. A
 * name that is spelled out is given without asking whether it exists. Errors: `USAGE` (no such pipeline or
 * collection), `CONFIG_INVALID` (no target and several pipelines; two collections with one folder), `SOURCE_MISSING` (no
 * collection matches), and those of `list`.
 */
export async function resolveTargets(
  config: Config,
  target: string | undefined,
  list: ListCollections,
): Promise<readonly TableTarget[]> {
  const [name, collection] = splitTarget(config, target);
  const pipeline = Object.hasOwn(config.pipelines, name) ? config.pipelines[name] : undefined;
  if (pipeline === undefined) {
    const names = Object.keys(config.pipelines);
    throw new MongolakeError('USAGE', `no pipeline ${JSON.stringify(name)}${didYouMean(name, names)}`, {
      hint: `the pipelines are ${quoteAll(names)}`,
    });
  }
  const found = await findCollections(name, pipeline, collection, list);
  const tables = found.map((one) => tableTarget(config, name, pipeline, one));
  refuseSharedFolders(config, tables);
  return tables;
}

/** The one table that `targets` has to be; else `CONFIG_INVALID`, which names the choices. */
export function singleTarget(targets: readonly TableTarget[]): TableTarget {
  const [only, ...others] = targets;
  if (only !== undefined && others.length === 0) return only;
  throw new MongolakeError('CONFIG_INVALID', `name one table: ${targets.map(({ name }) => name).join(', ')}`);
}

/** The connection that a table is read from. */
export function sourceConnection(config: Config, target: TableTarget): MongodbConnection | DumpConnection {
  const connection = config.connections[target.connection];
  if (connection?.kind === 'mongodb' || connection?.kind === 'dump') return connection;
  throw new MongolakeError('CONFIG_INVALID', `${target.name}: connection ${target.connection} is not a source`);
}

/** The connection that a table is written to; `undefined` for a local folder. */
export function storeConnection(config: Config, target: TableTarget): S3Connection | undefined {
  if (target.store === undefined) return undefined;
  const connection = config.connections[target.store];
  if (connection?.kind === 's3') return connection;
  throw new MongolakeError('CONFIG_INVALID', `${target.name}: connection ${target.store} is not a store`);
}

/** Pipeline names hold no dot, names of collections may: the first dot parts them. */
function splitTarget(config: Config, target: string | undefined): readonly [string, string | undefined] {
  if (target === undefined) {
    const names = Object.keys(config.pipelines);
    if (names.length === 1 && names[0] !== undefined) return [names[0], undefined];
    throw new MongolakeError('CONFIG_INVALID', `there are several pipelines, name one of them: ${names.join(', ')}`);
  }
  const dot = target.indexOf('.');
  if (dot === -1) return [target, undefined];
  const collection = target.slice(dot + 1);
  if (collection === '') throw new MongolakeError('USAGE', `${target}: a collection is missing after the dot`);
  return [target.slice(0, dot), collection];
}

interface Found {
  readonly database: string;
  readonly collection: string;
}

async function findCollections(
  pipeline: string,
  config: PipelineConfig,
  wanted: string | undefined,
  list: ListCollections,
): Promise<readonly Found[]> {
  const { connection, database } = config.source;
  const patterns = config.source.collections ?? ['*'];
  const known =
    wanted === undefined ? literalNames(patterns) : matchesPatterns(patterns, wanted) ? [wanted] : undefined;
  if (database !== undefined && known !== undefined && known.length > 0) {
    return known.map((collection) => ({ database, collection }));
  }
  const listed = await list(connection, database);
  const matching = listed.filter(({ name }) => matchesPatterns(patterns, name));
  const found = matching.map((info) => ({ database: database ?? info.database, collection: info.name }));
  // A name that is spelled out and not there is an error of the run, never left out in silence.
  const missing = database === undefined ? [] : spelledNames(patterns).filter((name) => !has(found, name));
  const all = [...found, ...missing.map((collection) => ({ database: database ?? '', collection }))];
  const names = all.map(({ collection }) => collection);
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new MongolakeError(
      'USAGE',
      `pipeline ${pipeline} has no collection ${JSON.stringify(wanted)}${didYouMean(wanted, names)}`,
    );
  }
  if (all.length === 0)
    throw nothingMatches(
      pipeline,
      listed.map(({ name }) => name),
    );
  const chosen = all.filter(({ collection }) => wanted === undefined || collection === wanted);
  const twice = chosen.find(({ collection }, index) => has(chosen.slice(0, index), collection));
  if (twice === undefined) return chosen;
  const words = `collection ${JSON.stringify(twice.collection)} is in several databases of the dump`;
  throw new MongolakeError('CONFIG_INVALID', `pipelines.${pipeline}.source.database: missing: ${words}`);
}

function has(found: readonly Found[], collection: string): boolean {
  return found.some((one) => one.collection === collection);
}

function nothingMatches(pipeline: string, listed: readonly string[]): MongolakeError {
  const there = listed.length === 0 ? 'the source has none' : `the source has ${quoteAll(listed.slice(0, 20))}`;
  const more = listed.length > 20 ? ` and ${listed.length - 20} more` : '';
  const message = `pipelines.${pipeline}.source.collections: no collection matches; ${there}${more}`;
  return new MongolakeError('SOURCE_MISSING', message);
}

function tableTarget(
  config: Config,
  pipeline: string,
  { source, table, ...rest }: PipelineConfig,
  found: Found,
): TableTarget {
  const absolute = absoluteTableUri(table.uri, dirname(config.file));
  const own = Object.hasOwn(rest.collections, found.collection) ? rest.collections[found.collection] : undefined;
  return {
    name: `${pipeline}.${found.collection}`,
    pipeline,
    ...found,
    connection: source.connection,
    store: table.connection,
    tableUri: fillTableUri(absolute, { pipeline, ...found }),
    settings: settingsFor(source, mergeSettings(config.defaults, rest, own ?? {})),
  };
}

/** A table of a change stream is looked after by the stream's beat. `mode: full` reads no stream. */
function settingsFor({ mode, followInterval }: PipelineConfig['source'], settings: Settings): TableSettings {
  if (mode !== 'changestream' || settings.mode === 'full') return settings;
  return { ...settings, mode: 'changestream', schedule: { kind: 'every', every_ms: followInterval } };
}

/** Later ones win, key by key. */
function mergeSettings(defaults: Settings, ...overrides: readonly Partial<Settings>[]): Settings {
  const merged: Partial<Record<SettingName, unknown>> = { ...defaults };
  for (const override of overrides) {
    for (const name of SETTING_NAMES) {
      if (override[name] !== undefined) merged[name] = override[name];
    }
  }
  return merged as Settings;
}

function refuseSharedFolders(config: Config, tables: readonly TableTarget[]): void {
  const owners = new Map<string, string>();
  for (const table of tables) {
    const other = owners.get(table.tableUri) ?? otherPipeline(config, table);
    if (other !== undefined) {
      const message = `pipelines.${table.pipeline}.table.uri: ${table.name} would share its folder with ${other}`;
      throw new MongolakeError('CONFIG_INVALID', message, {
        hint: 'put {database}, {pipeline} or {collection} into one of the two',
      });
    }
    owners.set(table.tableUri, table.name);
  }
}

function otherPipeline(config: Config, table: TableTarget): string | undefined {
  const others = Object.keys(config.pipelines).filter((name) => name !== table.pipeline);
  const store = storeOf(config, table.pipeline);
  return others.find((name) => storeOf(config, name) === store && claims(config, name, table.tableUri));
}
