import { streamOf } from '../shared/change-source.ts';
import { type Cursor, type CursorType, cursorOf } from '../shared/domain/cursor.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import { projectionOf, type TablePolicy } from '../shared/domain/policy.ts';
import { positionTime } from '../shared/domain/position.ts';
import type { TableMode } from '../shared/domain/window.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { BoundedCount, CollectionInfo, Source, SourceClock } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { probeConditionalWrites } from '../shared/probe.ts';
import {
  type CheckResult,
  clockVerdict,
  cursorVerdict,
  dumpStartVerdict,
  failed,
  indexVerdict,
  inMinutes,
  ok,
  skipped,
  warning,
} from './check-verdicts.ts';
import { countDump } from './count-dump.ts';
import { checkNamespace, checkTableCursor } from './plan.ts';
import { checkPolicy } from './policy.ts';
import { readSample } from './sample.ts';
import { reachedBy } from './stream-start.ts';
import { openState, type TableState } from './table.ts';

export interface TableCheckContext {
  readonly source: Source;
  /** As `SourceClock` has it, known before the source is asked. */
  readonly kind: SourceClock['kind'];
  readonly storage: Storage;
  readonly clock: Clock;
  readonly settings: {
    readonly mode: TableMode;
    readonly cursorField: string;
    readonly cursorType: CursorType;
    readonly allowedLateness: number;
  };
  readonly columns?: TablePolicy | undefined;
  /** Lists the collections of the source's database. */
  readonly collections: () => Promise<readonly CollectionInfo[]>;
  /** The error of a server that an earlier table found unreachable: it is not waited for again. */
  readonly sourceDown?: MongolakeError | undefined;
  readonly storeDown?: MongolakeError | undefined;
}

/** What can't be proved of a source that does not answer. Without a cursor no clock matters either. */
function afterSource({ kind, settings }: TableCheckContext): readonly string[] {
  if (settings.mode === 'full') return ['collection'];
  if (settings.mode === 'changestream') return ['collection', 'stream'];
  return kind === 'live' ? ['collection', 'cursor', 'index', 'clock'] : ['collection', 'cursor', 'clock'];
}

/**
 * Proves each part that a table depends on, in turn; what depends on a part that failed is skipped. Never throws for what it
 * checks. Beside the probe of the store, which deletes its object again, nothing is written.
 */
export async function* checkTable(context: TableCheckContext): AsyncGenerator<CheckResult, void, void> {
  yield* checkSource(context);
  yield* checkStore(context);
}

async function* checkSource(context: TableCheckContext): AsyncGenerator<CheckResult, void, void> {
  const { source, kind, clock, settings, sourceDown } = context;
  const asked = clock.now();
  const answer = sourceDown === undefined ? await attempt(() => source.clock()) : { error: sourceDown };
  const now = (asked + clock.now()) / 2;
  if (answer.error !== undefined) {
    yield failed('source', answer.error);
    for (const name of afterSource(context)) yield skipped(name, 'source failed');
    return;
  }
  yield ok('source', `${source.description} ${kind === 'live' ? 'answers' : 'is there'}`);
  const collection = await checkCollection(context);
  yield collection;
  if (settings.mode === 'full') {
    yield ok('mode', 'full: each sync reads the whole collection and replaces the table; no cursor field is needed');
    return;
  }
  if (settings.mode === 'changestream') {
    yield await checkStream(source);
    return;
  }
  const readable = collection.status !== 'failed';
  yield readable ? await checkCursor(context) : skipped('cursor', 'collection failed');
  if (kind === 'live') yield readable ? await checkIndex(context) : skipped('index', 'collection failed');
  const { serverTime } = answer.value;
  yield kind === 'live' ? clockVerdict(serverTime, now, settings.allowedLateness) : dumpStartVerdict(serverTime, now);
}

/** Whether the collection is there and may be read. A server answers for one that does not exist as for an empty one, so its list is asked. */
async function checkCollection(context: TableCheckContext): Promise<CheckResult> {
  const { source, kind, collections } = context;
  const { database, collection } = source.namespace;
  const size = await attempt(async () => {
    if (kind === 'live') {
      const names = (await collections()).map(({ name }) => name);
      if (!names.includes(collection)) throw missing(database, collection, names);
    }
    return source.estimate({ kind: 'full' });
  });
  if (size.error !== undefined) return failed('collection', size.error);
  const { documents } = size.value;
  const count =
    documents === undefined ? 'documents not counted' : `about ${documents.toLocaleString('en-US')} documents`;
  return ok('collection', `${database}.${collection}: ${count}`);
}

function missing(database: string, collection: string, names: readonly string[]): MongolakeError {
  const some = names.slice(0, 10).join(', ');
  const there =
    names.length === 0 ? 'it has none that the user may see' : `it has ${some}${names.length > 10 ? ', …' : ''}`;
  return new MongolakeError('SOURCE_MISSING', `the database ${database} has no collection ${collection}`, {
    hint: `Check source.database and source.collections: ${there}. Views and time series can't be synced.`,
  });
}

async function checkStream(source: Source): Promise<CheckResult> {
  const end = await attempt(() => streamOf(source).end(null));
  if (end.error !== undefined) return failed('stream', end.error);
  const time = new Date(positionTime(end.value.position)).toISOString();
  return ok('stream', `the change stream can be read; its newest entry is of ${time}`);
}

/** Whether the server still has what came after the table's place in the stream. */
async function checkPosition(state: TableState, { source, storage, clock }: TableCheckContext): Promise<CheckResult> {
  const reached = await attempt(() => reachedBy(state, storage));
  if (reached.error !== undefined) return failed('position', reached.error);
  const position = reached.value;
  if (position === null)
    return warning(
      'position',
      'the table follows no change stream yet',
      'The next sync reads the whole collection and replaces the table.',
    );
  const end = await attempt(() => streamOf(source).end(position));
  const behind = `changes up to ${new Date(positionTime(position)).toISOString()} are in the table, ${inMinutes(
    Math.max(0, Math.round((clock.now() - positionTime(position)) / 1000) * 1000),
  )} behind`;
  if (end.error === undefined) return ok('position', behind);
  if (end.error.code !== 'STREAM_LOST') return failed('position', end.error);
  return warning(
    'position',
    `${behind}: the server no longer has what came after`,
    'The next sync reads the whole collection and replaces the table. A larger oplog holds more.',
  );
}

async function checkCursor({ source, kind, settings, columns }: TableCheckContext): Promise<CheckResult> {
  const cursor = cursorOf(settings);
  const verdict = await attempt(async () => {
    const sample = await readSample(source, { projection: projectionOf(columns, [cursor.field]) });
    return cursorVerdict(sample, cursor, await countWithout(source, kind, cursor));
  });
  return verdict.error === undefined ? verdict.value : failed('cursor', verdict.error);
}

async function countWithout(
  source: Source,
  kind: SourceClock['kind'],
  cursor: Cursor,
): Promise<BoundedCount | undefined> {
  if (kind === 'live') return source.countWithoutCursor(cursor);
  const counted = await countDump(source, { kind: 'full' }, cursor);
  return counted && { documents: counted.withoutCursor, atLeast: false };
}

async function checkIndex({ source, settings }: TableCheckContext): Promise<CheckResult> {
  const indexes = await attempt(() => source.indexes());
  if (indexes.error !== undefined) return failed('index', indexes.error);
  return indexVerdict(indexes.value, settings.cursorField, source.namespace.collection);
}

async function* checkStore(context: TableCheckContext): AsyncGenerator<CheckResult, void, void> {
  const { source, storage, clock, columns, storeDown } = context;
  const probe =
    storeDown === undefined ? await attempt(() => probeConditionalWrites(storage, clock)) : { error: storeDown };
  if (probe.error === undefined) {
    yield ok('store', `${storage.uri} can be written, and honours conditional writes`);
  } else {
    yield failed('store', probe.error);
    // A store that only ignores conditions can still be read.
    if (probe.error.code !== 'STORE_UNCONDITIONAL') {
      yield skipped('table', 'store failed');
      return;
    }
  }
  const table = await attempt(async () => {
    const state = await openState(storage);
    if (state !== undefined) {
      checkNamespace(state, source, storage.uri);
      // Where each run replaces the table nothing else of it binds.
      if (context.settings.mode === 'full') return state;
      if (context.settings.mode === 'incremental' && state.watermark !== null)
        checkTableCursor(state, cursorOf(context.settings));
      checkPolicy(state, columns, false, storage.uri);
    }
    return state;
  });
  if (table.error !== undefined) {
    yield failed('table', table.error);
    return;
  }
  yield tableResult(table.value);
  const follows = context.settings.mode === 'changestream' && context.sourceDown === undefined;
  if (follows && table.value !== undefined) yield await checkPosition(table.value, context);
}

function tableResult(state: TableState | undefined): CheckResult {
  if (state === undefined) return ok('table', 'no table yet: the first sync loads the whole collection');
  const rows = [...state.files.values()].flat().reduce((sum, file) => sum + file.rows, 0);
  const message = `version ${state.version}, ${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`;
  const [note] = state.notes;
  if (note === undefined) return ok('table', message);
  return warning('table', `${message}; ${note}`, 'The next checkpoint makes it whole again.');
}

type Attempt<T> = { readonly value: T; readonly error?: undefined } | { readonly error: MongolakeError };

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: asMongolakeError(error) };
  }
}
