import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MongolakeError } from '../domain/errors.ts';
import { dumpBroken } from './source-dump-frame.ts';
import { fileError } from './source-dump-read.ts';

const DUMP_FILE = /\.bson(\.gz)?$/;
/** Written beside a dump by whoever made it: `{"startedAt": "<ISO 8601 with an offset>"}`. mongodump itself keeps no time. */
const STARTED_AT_FILE = 'mongolake-dump.json';
const METADATA_MAX_BYTES = 16 * 2 ** 20;
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;
/** A name of more than 238 escaped bytes is cut to 208 and a hash of it put behind (mongodump, `outputPath`). */
const CUT_NAME = /^.{208}%24[\w-]{27}$/;

/** One collection's file in a dump. */
export interface DumpEntry {
  readonly database: string;
  readonly collection: string;
  /** Absolute path. */
  readonly file: string;
  /** As on disk, compressed or not. */
  readonly sizeBytes: number;
}

export interface DumpListing {
  /** What the path is: one file, a database's folder, or a whole mongodump with a folder for each database. */
  readonly kind: 'file' | 'database' | 'dump';
  readonly entries: readonly DumpEntry[];
}

/** True where the path names a dump file rather than a folder. */
export function isDumpFile(path: string): boolean {
  return DUMP_FILE.test(path);
}

/** The namespace that a dump file's path tells: the folder is the database, the base name the collection. */
export function namespaceOf(file: string): { readonly database: string; readonly collection: string } {
  const path = resolve(file);
  return { database: basename(dirname(path)), collection: unescapeName(basename(path).replace(DUMP_FILE, '')) };
}

/**
 * Lists the collections of a dump, ordered by database and name, without reading them. `system.*` is left out; what is no
 * `.bson` file (metadata, `prelude.json`) is not looked at, nor is the oplog beside the databases of a whole dump.
 *
 * `database` renames a single file or a database's folder, as `mongorestore --db` does; of a whole dump it picks the folder.
 * Throws `SOURCE_MISSING`, `SOURCE_REFUSED`, `SOURCE_UNREACHABLE`.
 */
export async function listDump(path: string, database?: string): Promise<DumpListing> {
  const root = resolve(path);
  const facts = await statOf(root);
  if (facts.isFile()) {
    const entry = { ...namespaceOf(root), file: root, sizeBytes: facts.size };
    return { kind: 'file', entries: [{ ...entry, database: database ?? entry.database }] };
  }
  const inside = await foldersOf(root);
  const databases: DumpEntry[] = [];
  for (const name of inside) databases.push(...(await databaseFolder(join(root, name), name)));
  if (databases.length > 0) {
    return {
      kind: 'dump',
      entries: databases.filter((entry) => database === undefined || entry.database === database),
    };
  }
  return { kind: 'database', entries: await databaseFolder(root, database ?? basename(root)) };
}

/**
 * When the dump was started, epoch milliseconds: from `mongolake-dump.json` beside the file (which is the database's folder)
 * or in the folder above (the dump's root); the nearer wins. `undefined` where there is none. Throws `CONFIG_INVALID` where
 * the file is there but does not say it.
 */
export async function startedAtOf(file: string): Promise<number | undefined> {
  const folder = dirname(resolve(file));
  for (const path of [join(folder, STARTED_AT_FILE), join(dirname(folder), STARTED_AT_FILE)]) {
    const text = await readIfThere(path);
    if (text !== undefined) return parseStartedAt(path, text.toString('utf8'));
  }
  return undefined;
}

function parseStartedAt(path: string, text: string): number {
  const invalid = (reason: string, cause?: unknown) =>
    new MongolakeError('CONFIG_INVALID', `${path}: ${reason}`, {
      hint: 'It should read {"startedAt": "2026-11-01T02:00:00Z"}: when the dump was started, with its offset from UTC.',
      ...(cause === undefined ? {} : { cause }),
    });
  let value: unknown;
  try {
    value = (JSON.parse(text) as { startedAt?: unknown } | null)?.startedAt;
  } catch (error) {
    throw invalid('is not JSON', error);
  }
  if (typeof value !== 'string' || !ISO_INSTANT.test(value))
    throw invalid('startedAt is no ISO time with an offset from UTC');
  const at = Date.parse(value);
  if (Number.isNaN(at)) throw invalid(`startedAt ${value} does not exist`);
  return at;
}

async function databaseFolder(folder: string, database: string): Promise<DumpEntry[]> {
  const names = (await list(folder)).filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  const entries: DumpEntry[] = [];
  for (const name of names.filter((each) => DUMP_FILE.test(each))) {
    const file = join(folder, name);
    const collection = await collectionOf(folder, name.replace(DUMP_FILE, ''));
    // With --dumpDbUsersAndRoles, mongodump puts admin's users beside the collections as `$admin.system.*`.
    if (collection.startsWith('system.') || collection.startsWith('$admin.system.')) continue;
    const twin = entries.find((entry) => entry.collection === collection);
    if (twin !== undefined) throw twice(twin.file, file, collection);
    entries.push({ database, collection, file, sizeBytes: (await statOf(file)).size });
  }
  return entries;
}

function twice(first: string, second: string, collection: string): MongolakeError {
  return new MongolakeError('CONFIG_INVALID', `${first} and ${second} both hold the collection ${collection}`, {
    hint: 'Leave only one of them in the dump, or name the file itself as the path.',
  });
}

/** mongodump escapes a name as a URL's path; a very long one is whole only in its metadata file. */
async function collectionOf(folder: string, base: string): Promise<string> {
  if (CUT_NAME.test(base)) {
    for (const ending of ['.metadata.json', '.metadata.json.gz']) {
      const path = join(folder, base + ending);
      const found = await readIfThere(path);
      if (found === undefined) continue;
      const text = ending.endsWith('.gz') ? await unpacked(path, found) : found;
      const name = nameIn(path, text.toString('utf8'));
      if (name !== undefined) return name;
    }
  }
  return unescapeName(base);
}

/** Metadata are a few KB; a file that grows to gigabytes is none. */
async function unpacked(path: string, packed: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: METADATA_MAX_BYTES });
  } catch (error) {
    throw dumpBroken(path, 0, 'the metadata can not be unpacked', error);
  }
}

function nameIn(path: string, metadata: string): string | undefined {
  try {
    const { collectionName } = JSON.parse(metadata) as { collectionName?: unknown };
    return typeof collectionName === 'string' ? collectionName : undefined;
  } catch (error) {
    throw dumpBroken(path, 0, 'the metadata is not JSON', error);
  }
}

function unescapeName(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch (error) {
    // A name that is no valid escape was not escaped: an old mongodump, or a file that was renamed by hand.
    if (error instanceof URIError) return escaped;
    throw error;
  }
}

async function foldersOf(path: string): Promise<string[]> {
  return (await list(path)).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function list(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(folder, error);
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    throw fileError(path, error);
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(path, error);
  }
}
