// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is written are references to variables
import type { CursorType } from '../domain/cursor.ts';
import { MongolakeError } from '../domain/errors.ts';
import { literalPattern } from './patterns.ts';

/** What `mongolake init` found out about one collection. */
export interface InitCollection {
  readonly name: string;
  /** Estimated documents, where known. */
  readonly documents: number | undefined;
  /** Fields that may be the cursor by a sample, dotted where nested. */
  readonly cursorFields: readonly InitField[];
}

interface InitField {
  readonly path: string;
  readonly type: CursorType;
  readonly indexed: boolean;
}

/** What the file that `mongolake init` writes is made of. No value is a secret: those stay in variables. */
export interface InitOptions {
  readonly source:
    | { readonly kind: 'mongodb'; readonly uriVariable: string; readonly database: string }
    | { readonly kind: 'dump'; readonly path: string; readonly database?: string };
  readonly collections: readonly InitCollection[];
  /** `s3://bucket/folder`, `file:./folder` or a path; `/{collection}` is added where it has no such placeholder. */
  readonly tableUri: string;
  /** For an `s3://` table. Credentials come from the AWS SDK's chain, or from variables where these are given. */
  readonly s3?: {
    readonly region: string;
    readonly endpoint?: string;
    readonly accessKeyVariable?: string;
    readonly secretKeyVariable?: string;
  };
  /** Variable with the URL of Redis; without it the queue is local. */
  readonly redisVariable?: string;
  /** Where editors find the schema: a URL, or a path relative to the file. */
  readonly schemaUrl?: string;
}

const SCHEMA_URL = './node_modules/mongolake/schema/mongolake.schema.json';
const COMMON_CURSORS = ['updateTime', 'updatedAt', 'updated_at', 'lastModified', 'modifiedAt', 'modified'];

/** A commented configuration that `parseConfig` takes. Errors: `USAGE` where a variable's name is not one. */
export function renderInitConfig(options: InitOptions): string {
  const cursor = commonCursor(options.collections);
  return [
    `# yaml-language-server: $schema=${oneLine(options.schemaUrl ?? SCHEMA_URL)}`,
    '# Secrets stay in variables: ${NAME}, or ${NAME:-default}. Every key: `mongolake schema --config`.',
    'version: 1',
    '',
    'connections:',
    ...renderSource(options),
    ...renderStore(options),
    '',
    ...renderQueue(options),
    '',
    'defaults:',
    `  cursorField: ${scalar(cursor.path)}   # the field that every write sets to its time; it needs an index`,
    ...(cursor.type === 'date' ? [] : [`  cursorType: ${cursor.type}`]),
    '  allowedLateness: 5m   # how much later than its time a document may appear; each run reads this much again',
    '  partitions: auto      # or a power of two',
    '  schedule: 15m         # for the coordinator: an interval, a cron expression (UTC), or none',
    '',
    'pipelines:',
    ...renderPipeline(options, cursor),
    '',
  ].join('\n');
}

function renderSource({ source }: InitOptions): string[] {
  if (source.kind === 'mongodb') {
    return ['  source:', '    kind: mongodb', `    uri: ${variable(source.uriVariable)}`];
  }
  return [
    '  source:',
    '    kind: dump',
    `    path: ${scalar(source.path)}`,
    '    # startedAt: 2026-01-31T02:00:00Z   # when the dump was started; without it the whole dump is compared',
  ];
}

function renderStore({ tableUri, s3 }: InitOptions): string[] {
  if (!isStore(tableUri)) return [];
  const lines = ['  lake:', '    kind: s3', `    region: ${scalar(s3?.region ?? 'us-east-1')}`];
  if (s3?.endpoint !== undefined) lines.push(`    endpoint: ${scalar(s3.endpoint)}`, '    forcePathStyle: true');
  if (s3?.accessKeyVariable === undefined || s3.secretKeyVariable === undefined) {
    return [...lines, "    # credentials: left out, so the AWS SDK's usual chain is asked"];
  }
  return [
    ...lines,
    '    credentials:',
    `      accessKeyId: ${variable(s3.accessKeyVariable)}`,
    `      secretAccessKey: ${variable(s3.secretKeyVariable)}`,
  ];
}

function renderQueue({ redisVariable }: InitOptions): string[] {
  if (redisVariable !== undefined) return ['queue:', '  kind: redis', `  url: ${variable(redisVariable)}`];
  return [
    'queue:',
    '  kind: local   # everything in this process; for workers of their own: kind: redis, url: "${REDIS_URL}"',
  ];
}

function renderPipeline(options: InitOptions, cursor: Chosen): string[] {
  const { source, collections } = options;
  const usable = collections.filter((collection) => reasonAgainst(collection) === undefined);
  const unusable = collections.filter((collection) => reasonAgainst(collection) !== undefined);
  const { database } = source;
  return [
    `  ${pipelineName(database)}:`,
    '    source:',
    '      connection: source',
    ...(database === undefined ? [] : [`      database: ${scalar(database)}`]),
    '      collections:   # names, * and ? as wildcards, "!..." to leave out',
    ...usable.map((collection) => `        - ${pattern(collection)}   # ${remarks(collection, cursor, source.kind)}`),
    ...unusable.map((collection) => `        # - ${pattern(collection)}   # ${reasonAgainst(collection)}`),
    ...(usable.length === 0
      ? ['        - "*"   # nothing with a field that tells a time was found; name the collections to sync']
      : []),
    '    table:',
    ...(isStore(options.tableUri) ? ['      connection: lake'] : []),
    `      uri: ${scalar(withCollection(options.tableUri))}`,
    ...renderOverrides(usable, cursor),
  ];
}

/** Collections that do not have the common cursor follow the best one that they have. */
function renderOverrides(collections: readonly InitCollection[], cursor: Chosen): string[] {
  const other = collections.filter((collection) => ownField(collection, cursor) === undefined);
  if (other.length === 0) return ['    # collections: { NAME: { partitions: 64 } }   # what differs from the defaults'];
  return [
    '    collections:   # what differs from the defaults',
    ...other.flatMap((collection) => {
      const { path, type } = bestField(collection);
      return [
        `      ${key(collection.name)}:`,
        `        cursorField: ${scalar(path)}`,
        ...(type === cursor.type ? [] : [`        cursorType: ${type}`]),
      ];
    }),
  ];
}

type Chosen = Pick<InitField, 'path' | 'type'>;

/** The collection's field that is the common cursor. */
function ownField({ cursorFields }: InitCollection, { path, type }: Chosen): InitField | undefined {
  return cursorFields.find((field) => field.path === path && field.type === type);
}

function pattern({ name }: InitCollection): string {
  return scalar(literalPattern(name));
}

/** Why a collection is only written as a comment. */
function reasonAgainst({ name, cursorFields }: InitCollection): string | undefined {
  if (name === '__proto__') return 'a name that YAML keys can not have here';
  return cursorFields.some(({ path }) => isFieldPath(path)) ? undefined : 'no field that tells a time in a sample';
}

function remarks(collection: InitCollection, cursor: Chosen, kind: InitOptions['source']['kind']): string {
  const { documents } = collection;
  const count = documents === undefined ? '' : `about ${documents.toLocaleString('en-US')} documents, `;
  const { path, type, indexed } = ownField(collection, cursor) ?? bestField(collection);
  const index = indexed ? 'is indexed' : 'has NO index: every sync would scan the collection, make one first';
  const inserts = type === 'objectId' ? ' (finds new documents only, no changes)' : '';
  return `${kind === 'dump' ? `${count}by ${key(path)}` : `${count}${key(path)} ${index}`}${inserts}`;
}

const NO_FIELD: InitField = { path: 'updateTime', type: 'date', indexed: false };

/** The field that most collections have; an index counts for more than a usual name, and both more than mere frequency. */
function commonCursor(collections: readonly InitCollection[]): Chosen {
  const scores = new Map<string, { readonly field: InitField; readonly score: number }>();
  for (const field of collections.flatMap(({ cursorFields }) => cursorFields)) {
    if (!isFieldPath(field.path)) continue;
    const known = `${field.type} ${field.path}`;
    scores.set(known, { field, score: (scores.get(known)?.score ?? 0) + scoreOf(field) });
  }
  return [...scores.values()].sort((a, b) => b.score - a.score)[0]?.field ?? NO_FIELD;
}

function bestField({ cursorFields }: InitCollection): InitField {
  const usable = cursorFields.filter(({ path }) => isFieldPath(path)).sort((a, b) => scoreOf(b) - scoreOf(a));
  return usable[0] ?? NO_FIELD;
}

/** An `_id` counts for nothing, indexed as it is: it is taken where there is no other. */
function scoreOf({ path, type, indexed }: InitField): number {
  return type === 'objectId' ? 0 : 1 + (COMMON_CURSORS.includes(path) ? 10 : 0) + (indexed ? 20 : 0);
}

function isFieldPath(path: string): boolean {
  return path.trim() === path && /^[^.$][^.]*(?:\.[^.$][^.]*)*$/.test(path);
}

function pipelineName(database: string | undefined): string {
  const name = (database ?? '').replace(/[^A-Za-z0-9_-]/g, '_').replace(/^[_-]+/, '');
  return key(name === '' ? 'main' : name);
}

function isStore(uri: string): boolean {
  return uri.startsWith('s3://');
}

function withCollection(uri: string): string {
  return uri.includes('{collection}') ? uri : `${uri.replace(/\/+$/, '')}/{collection}`;
}

function variable(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `"\${${name}}"`;
  throw new MongolakeError('USAGE', 'not a name of a variable: letters, digits and _ only');
}

/** A value as YAML: bare where nothing in it means anything, else in double quotes, `${` escaped. */
function scalar(value: string): string {
  return key(value.replaceAll('${', () => '$${'));
}

/** As `scalar`, for a key, in which `${` means nothing. */
function key(value: string): string {
  const bare = /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return bare ? value : quoted(value);
}

/** JSON strings are YAML strings; what editors or YAML take for a line's end, or can't show, is escaped as well. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ue000-\ue07f\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function oneLine(value: string): string {
  return value.replace(/\s+/g, '%20');
}
