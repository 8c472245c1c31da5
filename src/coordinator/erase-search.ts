import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { findJson } from '../shared/documents.ts';
import { lengthAt } from '../shared/domain/deletion.ts';
import type { Action, AddFile } from '../shared/domain/delta/actions.ts';
import { checkpointKey, entryKey, LOG_PREFIX } from '../shared/domain/delta/entry.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { identityAt } from '../shared/domain/id-list.ts';
import {
  parseOwnKey,
  partitionOfKey,
  QUARANTINE_PREFIX,
  RUNS_PREFIX,
  VERIFICATIONS_PREFIX,
} from '../shared/domain/keys.ts';
import type { EngineName } from '../shared/domain/plan.ts';
import type { QuarantineManifest } from '../shared/domain/quarantine.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { scratched } from '../shared/domain/scratch.ts';
import { unpackBlocks } from '../shared/packing.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { ErasableId } from './erase-ids.ts';
import { type FileEnds, mayHold } from './erase-plan.ts';
import { addTells } from './erase-stats.ts';
import { listLog, readEntry } from './log.ts';
import { documentsWith } from './quarantine.ts';
import type { TableState } from './table.ts';

/** Looks at the ids of a local Parquet file of a table, of any version; `ids` as a table stores them. */
export type IdFinder = (
  engine: EngineName,
  file: {
    readonly path: string;
    readonly schema: TableSchema;
    readonly ids: readonly string[];
    readonly scratch: string;
  },
) => Promise<FileEnds & { readonly ids: readonly string[] }>;

export interface SearchContext {
  readonly storage: Storage;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly find: IdFinder;
}

/** An object of the table that holds one of the ids, or what is left of its document. */
export interface Holder {
  readonly key: string;
  /** What of it, for people. Tells no id. */
  readonly what: string;
}

/** What a look at one data file told. */
export interface SearchedFile extends FileEnds {
  /** Those of the ids that it has rows of, as it stores them. */
  readonly ids: readonly string[];
}

const AT_ONCE = 4;
const READS_AT_ONCE = 16;

/** Looks for the ids in data files, by key. Errors: those of the storage, of the engine where a file can't be read. */
export async function searchFiles(
  keys: readonly string[],
  { engine, schema }: Pick<TableState, 'engine' | 'schema'>,
  ids: readonly ErasableId[],
  { storage, scratch: root, signal, find }: SearchContext,
): Promise<ReadonlyMap<string, SearchedFile>> {
  const forms = ids.flatMap((id) => id.forms);
  const found = await pMap(
    keys,
    async (key): Promise<[string, SearchedFile]> => {
      signal.throwIfAborted();
      const scratch = await scratched(root, async () => {
        await mkdir(root, { recursive: true });
        return mkdtemp(join(root, 'mongolake-erase-'));
      });
      try {
        const path = join(scratch, 'file.parquet');
        await storage.download(key, path, signal);
        return [key, await find(engine, { path, schema, ids: forms, scratch })];
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
    { concurrency: AT_ONCE },
  );
  return new Map(found);
}

/**
 * Every object of the table that holds one of the ids, or may hold what is left of its document: data files of any version, log entries, checkpoints,
 * quarantined documents, what runs have staged. Errors: those of the storage, and of the engine where a file of the newest version can't be read.
 */
export async function searchTable(
  state: TableState,
  ids: readonly ErasableId[],
  context: SearchContext,
): Promise<readonly Holder[]> {
  const data = await searchData(state, ids, context);
  return [
    ...data,
    ...(await searchLog(state, ids, new Set(data.map(({ key }) => key)), context)),
    ...(await searchQuarantine(ids, context)),
    ...(await searchStaging(ids, context)),
  ];
}

async function searchData(
  state: TableState,
  ids: readonly ErasableId[],
  context: SearchContext,
): Promise<readonly Holder[]> {
  const live = livePaths(state);
  const keys: string[] = [];
  for await (const { key } of dataObjects(context.storage)) if (mayHold(partitionOfKey(key), ids)) keys.push(key);
  const look = (key: string) => holderOf(key, state, ids, live.has(key), context);
  return (await pMap(keys, look, { concurrency: AT_ONCE })).filter((holder) => holder !== undefined);
}

async function holderOf(
  key: string,
  state: TableState,
  ids: readonly ErasableId[],
  isLive: boolean,
  context: SearchContext,
): Promise<Holder | undefined> {
  try {
    const rows = await rowsIn(key, state, ids, isLive, context);
    const whose = isLive ? 'the newest version' : 'an older version, or of none';
    return rows === 0 ? undefined : { key, what: `data file of ${whose}: ${rows} of the ids` };
  } catch (error) {
    if (isLive || context.signal.aborted) throw error;
    return isGone(error) ? undefined : { key, what: 'data file that can not be read: it may hold them' };
  }
}

/** In a file of the newest version an id has one form; in others it may have any. */
async function rowsIn(
  key: string,
  state: TableState,
  ids: readonly ErasableId[],
  isLive: boolean,
  context: SearchContext,
): Promise<number> {
  const found = (await searchFiles([key], state, ids, context)).get(key)?.ids ?? [];
  const wanted = textsOf(ids, isLive);
  return found.filter((id) => wanted.has(id)).length;
}

function textsOf(ids: readonly ErasableId[], isLive: boolean): ReadonlySet<string> {
  return new Set(ids.flatMap(({ stored, forms }) => (isLive ? [stored] : forms)));
}

function livePaths({ snapshot }: Pick<TableState, 'snapshot'>): ReadonlySet<string> {
  return new Set([...snapshot.files.keys()].map(decodeURIComponent));
}

function isGone(error: unknown): boolean {
  return asMongolakeError(error).code === 'OBJECT_MISSING';
}

/** Whether a key below the table's root is that of a data file: a Parquet file that is not the log's, whoever wrote it. */
export function isData(key: string): boolean {
  return key.endsWith('.parquet') && !key.startsWith(LOG_PREFIX);
}

/** Every data file of the table, of whatever version. */
export async function* dataObjects(storage: Storage): AsyncGenerator<ObjectInfo> {
  for await (const object of storage.list('')) if (isData(object.key)) yield object;
}

/** What the log says of a file that holds one of the ids (`held`) may be of its document: the least and greatest values of its columns. */
async function searchLog(
  state: TableState,
  ids: readonly ErasableId[],
  held: ReadonlySet<string>,
  { storage }: SearchContext,
): Promise<readonly Holder[]> {
  const live = livePaths(state);
  const [own, any] = [textsOf(ids, true), textsOf(ids, false)];
  const tells = (add: AddFile) => {
    const key = decodeURIComponent(add.path);
    return held.has(key) || addTells(add, live.has(key) ? own : any);
  };
  const look = async (key: string, what: string, read: () => Promise<Iterable<AddFile>>) => {
    const files = await unlessCorrupt(async () => [...(await read())].filter(tells).length);
    if (files === undefined) return [{ key, what: `${what} that can not be read: it may tell them` }];
    return files === 0
      ? []
      : [{ key, what: `${what}: bounds or statistics of ${files === 1 ? 'a file' : `${files} files`}` }];
  };
  const listing = await listLog(storage);
  const entries = await pMap(
    listing.entries,
    ({ version }) =>
      look(entryKey(version), 'log entry', async () => addsOf((await readEntry(storage, version)) ?? [])),
    { concurrency: READS_AT_ONCE },
  );
  const holders: Holder[] = entries.flat();
  // One at a time: that of a large table takes memory.
  for (const { version } of listing.checkpoints) {
    const key = checkpointKey(version);
    const read = async () => {
      const object = await storage.get(key);
      return object === undefined ? [] : (await readCheckpoint(object.body, version)).files.values();
    };
    holders.push(...(await look(key, 'checkpoint', read)));
  }
  return holders;
}

function addsOf(actions: readonly Action[]): readonly AddFile[] {
  return actions.flatMap((action) => ('add' in action ? [action.add] : []));
}

async function unlessCorrupt<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (asMongolakeError(error).code === 'TABLE_CORRUPT') return undefined;
    throw error;
  }
}

async function searchQuarantine(ids: readonly ErasableId[], { storage }: SearchContext): Promise<readonly Holder[]> {
  const identities = new Set(ids.map(({ identity }) => identity));
  const holders = new Map<string, Holder>();
  for await (const { key } of storage.list(QUARANTINE_PREFIX)) {
    const own = parseOwnKey(key);
    if (own?.kind === 'list') {
      const listed = (await findJson<QuarantineManifest>(storage, key))?.body.documents ?? [];
      const held = await documentsWith(storage, listed, (identity) => identities.has(identity));
      if (held.length > 0) holders.set(key, { key, what: `list of quarantined documents: ${held.length} of them` });
    } else if (own?.kind === 'bytes') {
      const body = (await storage.get(key))?.body;
      if (body !== undefined && identities.has(identityAt(body, 0)))
        holders.set(key, { key, what: 'quarantined document' });
    }
  }
  return [...holders.values()];
}

async function searchStaging(ids: readonly ErasableId[], { storage }: SearchContext): Promise<readonly Holder[]> {
  const identities = new Set(ids.map(({ identity }) => identity));
  const texts = ids.flatMap(({ forms }) => forms.map((form) => JSON.stringify(form)));
  const holders: Holder[] = [];
  for (const prefix of [RUNS_PREFIX, VERIFICATIONS_PREFIX]) {
    for await (const { key } of storage.list(prefix)) {
      const body = (await storage.get(key))?.body;
      if (body !== undefined && stagedHolds(key, body, identities, texts))
        holders.push({ key, what: 'staged by a run' });
    }
  }
  return holders;
}

/** Whether an object that a run staged has one of the ids; true where it can't be read. */
function stagedHolds(key: string, body: Buffer, identities: ReadonlySet<string>, texts: readonly string[]): boolean {
  if (key.endsWith('.json')) return texts.some((text) => body.includes(text));
  try {
    const blocks = key.endsWith('.snappy') ? [...unpackBlocks(body)] : [body];
    return blocks.some((block) => blockHolds(block, identities));
  } catch {
    return true;
  }
}

function blockHolds(block: Buffer, identities: ReadonlySet<string>): boolean {
  for (let at = 0; at < block.length; at += lengthAt(block, at)) if (identities.has(identityAt(block, at))) return true;
  return false;
}
