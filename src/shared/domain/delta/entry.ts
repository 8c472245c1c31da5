import { MongolakeError } from '../errors.ts';
import type { Action, AddFile, CommitInfo, Metadata, Protocol, RemoveFile, Txn } from './actions.ts';
import { isIntact, putChecksum, withChecksumPlace } from './entry-checksum.ts';
import { exactJson, parseExact } from './exact-json.ts';

/** Where a table's log is: every key of it starts with this. */
export const LOG_PREFIX = '_delta_log/';

/** The pointer to a recent checkpoint (Delta PROTOCOL.md, "Last Checkpoint File"). */
export const LAST_CHECKPOINT_KEY = `${LOG_PREFIX}_last_checkpoint`;

/** The key of a version's log entry ("Delta Log Entries"). */
export function entryKey(version: number): string {
  return `${LOG_PREFIX}${padded(version)}.json`;
}

/** The key of a version's classic checkpoint ("Classic checkpoint"). */
export function checkpointKey(version: number): string {
  return `${LOG_PREFIX}${padded(version)}.checkpoint.parquet`;
}

/** A key that sorts before every key of this version and after those of smaller versions: list after it to start at the version. */
export function beforeVersion(version: number): string {
  return `${LOG_PREFIX}${padded(version)}`;
}

/** What `key` is in the log, for the two kinds of keys that we read; `undefined` for any other. */
export function parseLogKey(
  key: string,
): { readonly kind: 'entry' | 'checkpoint'; readonly version: number } | undefined {
  const match = /^_delta_log\/(\d{20})\.(json|checkpoint\.parquet)$/.exec(key);
  const version = Number(match?.[1]);
  if (!Number.isSafeInteger(version)) return undefined;
  return { kind: match?.[2] === 'json' ? 'entry' : 'checkpoint', version };
}

function padded(version: number): string {
  if (Number.isSafeInteger(version) && version >= 0) return String(version).padStart(20, '0');
  throw new MongolakeError('INTERNAL', `${version} is not a table version`);
}

/**
 * A log entry's bytes: an action a line, as JSON, each line ended by a newline; a commitInfo of ours carries their checksum. A `bigint`
 * is written as a plain integer. Throws `INTERNAL` for an entry without actions (readers take an empty file for a broken one) and for
 * numbers that JSON or a 64-bit integer can't hold.
 */
export function encodeEntry(actions: readonly Action[]): Buffer {
  if (actions.length === 0) throw new MongolakeError('INTERNAL', 'a log entry needs at least one action');
  // A line each: what 100,000 files say together is more than a string should hold.
  const lines = withChecksumPlace(actions).map((action) => Buffer.from(`${exactJson(action)}\n`));
  return putChecksum(Buffer.concat(lines));
}

/**
 * The actions of a log entry, in their order. `name` is the entry's key, for errors. Actions and fields that we don't know are
 * left out ("Protocol Evolution": clients must ignore them), so are nulls. Integers are exact: beyond 2^53 they are `bigint` in
 * a `commitInfo`, and `txn.version` always is. Nothing is judged here: a protocol that we can't follow comes back as it is.
 * Throws `TABLE_CORRUPT`, naming the line, where a line is not JSON or a known action lacks what the protocol requires; and where the
 * entry's own checksum tells of another content.
 */
export function decodeEntry(bytes: Uint8Array, name: string): Action[] {
  const actions: Action[] = [];
  let lines = 0;
  for (const [index, line] of decodeText(bytes, name).split('\n').entries()) {
    if (line.trim() === '') continue;
    lines += 1;
    const where = `${name}, line ${index + 1}`;
    actions.push(...decodeActions(parseLine(line, where), where));
  }
  if (lines === 0) throw corrupt(name, 'it is empty');
  if (!isIntact(bytes, actions)) throw corrupt(name, 'it is damaged: its checksum is that of another content');
  return actions;
}

function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw corrupt(name, 'it is not UTF-8', error);
  }
}

function parseLine(line: string, where: string): unknown {
  try {
    return parseExact(line);
  } catch (error) {
    throw corrupt(where, `not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/**
 * The actions that one line of an entry, or one row of a checkpoint, holds: one as a rule, none where it is of a kind that we
 * don't know. Numbers may be `number` or `bigint`; a field that is null or `undefined` counts as absent. `where` is for errors.
 */
export function decodeActions(line: unknown, where: string): Action[] {
  const { add, remove, txn, metaData, protocol, commitInfo } = record(line, where);
  const actions: Action[] = [];
  if (present(commitInfo)) actions.push({ commitInfo: record(commitInfo, `${where}: commitInfo`) as CommitInfo });
  if (present(protocol)) actions.push({ protocol: decodeProtocol(record(protocol, where), `${where}: protocol`) });
  if (present(metaData)) actions.push({ metaData: decodeMetadata(record(metaData, where), `${where}: metaData`) });
  if (present(txn)) actions.push({ txn: decodeTxn(record(txn, where), `${where}: txn`) });
  if (present(remove)) actions.push({ remove: decodeRemove(record(remove, where), `${where}: remove`) });
  if (present(add)) actions.push({ add: decodeAdd(record(add, where), `${where}: add`) });
  return actions;
}

type Fields = Readonly<Record<string, unknown>>;

function decodeProtocol(from: Fields, where: string): Protocol {
  return defined<Protocol>({
    minReaderVersion: required(integer(from, 'minReaderVersion', where), 'minReaderVersion', where),
    minWriterVersion: required(integer(from, 'minWriterVersion', where), 'minWriterVersion', where),
    readerFeatures: texts(from, 'readerFeatures', where),
    writerFeatures: texts(from, 'writerFeatures', where),
  });
}

function decodeMetadata(from: Fields, where: string): Metadata {
  const format = present(from.format) ? record(from.format, `${where}.format`) : {};
  return defined<Metadata>({
    id: required(text(from, 'id', where), 'id', where),
    name: text(from, 'name', where),
    description: text(from, 'description', where),
    format: {
      provider: text(format, 'provider', where) ?? 'parquet',
      options: textMap(format, 'options', where) ?? {},
    },
    schemaString: required(text(from, 'schemaString', where), 'schemaString', where),
    partitionColumns: texts(from, 'partitionColumns', where) ?? [],
    configuration: textMap(from, 'configuration', where) ?? {},
    createdTime: integer(from, 'createdTime', where),
  });
}

function decodeTxn(from: Fields, where: string): Txn {
  const version = from.version;
  const exact = typeof version === 'number' && Number.isSafeInteger(version) ? BigInt(version) : version;
  if (typeof exact !== 'bigint' || BigInt.asIntN(64, exact) !== exact)
    throw wrong(where, 'version', 'a 64-bit integer');
  return defined<Txn>({
    appId: required(text(from, 'appId', where), 'appId', where),
    version: exact,
    lastUpdated: integer(from, 'lastUpdated', where),
  });
}

function decodeAdd(from: Fields, where: string): AddFile {
  return defined<AddFile>({
    path: required(text(from, 'path', where), 'path', where),
    partitionValues: partitionValues(from, where) ?? {},
    size: required(integer(from, 'size', where), 'size', where),
    modificationTime: required(integer(from, 'modificationTime', where), 'modificationTime', where),
    dataChange: flag(from, 'dataChange', where) ?? true,
    stats: text(from, 'stats', where),
    tags: textMap(from, 'tags', where),
  });
}

function decodeRemove(from: Fields, where: string): RemoveFile {
  return defined<RemoveFile>({
    path: required(text(from, 'path', where), 'path', where),
    deletionTimestamp: integer(from, 'deletionTimestamp', where),
    dataChange: flag(from, 'dataChange', where) ?? true,
    extendedFileMetadata: flag(from, 'extendedFileMetadata', where),
    partitionValues: partitionValues(from, where),
    size: integer(from, 'size', where),
    tags: textMap(from, 'tags', where),
  });
}

/** The object without its undefined fields: `exactOptionalPropertyTypes` wants an absent field to be absent. */
function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  const copy: Partial<T> = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) copy[key] = value;
  }
  return copy as T;
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function record(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw corrupt(where, 'it is not a JSON object');
}

function required<T>(value: T | undefined, field: string, where: string): T {
  if (value !== undefined) return value;
  throw corrupt(where, `${field} is missing`);
}

function text(from: Fields, field: string, where: string): string | undefined {
  const value = from[field];
  if (!present(value)) return undefined;
  if (typeof value === 'string') return value;
  throw wrong(where, field, 'a string');
}

function flag(from: Fields, field: string, where: string): boolean | undefined {
  const value = from[field];
  if (!present(value)) return undefined;
  if (typeof value === 'boolean') return value;
  throw wrong(where, field, 'a boolean');
}

function integer(from: Fields, field: string, where: string): number | undefined {
  const value = from[field];
  if (!present(value)) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw wrong(where, field, 'an integer of at most 2^53');
}

function texts(from: Fields, field: string, where: string): string[] | undefined {
  const value = from[field];
  if (!present(value)) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw wrong(where, field, 'an array of strings');
}

/** Null values say no more than absent ones here, so they are left out. */
function textMap(from: Fields, field: string, where: string): Record<string, string> | undefined {
  const values = nullableMap(from, field, where);
  if (values === undefined || isTextMap(values)) return values;
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null));
}

function partitionValues(from: Fields, where: string): Record<string, string | null> | undefined {
  return nullableMap(from, 'partitionValues', where);
}

function nullableMap(from: Fields, field: string, where: string): Record<string, string | null> | undefined {
  const value = from[field];
  if (!present(value)) return undefined;
  const values = record(value, `${where}.${field}`);
  // Nearly all are; a copy of each would be felt in a table of 100,000 files.
  if (isTextMap(values)) return values;
  const pairs = Object.entries(values).map(([key, item]): [string, string | null] => {
    if (typeof item === 'string') return [key, item];
    if (!present(item)) return [key, null];
    throw wrong(where, `${field}.${key}`, 'a string');
  });
  return Object.fromEntries(pairs);
}

function isTextMap(values: Fields): values is Record<string, string> {
  return Object.values(values).every((item) => typeof item === 'string');
}

function wrong(where: string, field: string, expected: string): MongolakeError {
  return corrupt(where, `${field} is not ${expected}`);
}

function corrupt(where: string, what: string, cause?: unknown): MongolakeError {
  return new MongolakeError('TABLE_CORRUPT', `${where}: ${what}`, {
    hint: 'Restore the object from a backup or an older version of the bucket; do not edit the log by hand.',
    ...(cause === undefined ? {} : { cause }),
  });
}
