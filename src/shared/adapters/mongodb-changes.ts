import { type Collection, type Document, Timestamp } from 'mongodb';
import { unlessBroken } from '../domain/bson.ts';
import { MongolakeError } from '../domain/errors.ts';
import { idAt } from '../domain/id-list.ts';
import {
  isBefore,
  type Position,
  positionBits,
  positionOf,
  positionTime,
  previousPosition,
} from '../domain/position.ts';
import type { Redact } from '../domain/redact.ts';
import type { Clock } from '../ports/clock.ts';
import type { ChangeStream, StreamEnd } from '../ports/source.ts';
import { CursorLost, isResumable, isServerError, sourceError } from './mongodb-errors.ts';
import { canBeAskedFor } from './source-mongodb-lookup.ts';
import { backoffMs, unlessAborted } from './source-mongodb-read.ts';

export interface ChangesOptions {
  /** The collection of a connected client. */
  readonly collection: () => Promise<Collection>;
  /** Names the source in errors. */
  readonly about: string;
  readonly redact: Redact;
  readonly clock: Clock;
  /** How often in a row reading may fail without getting further. */
  readonly tries: number;
  /** Ends what is under way. */
  readonly closing: AbortSignal;
}

/** Ids that are given at once. */
const IDS_AT_ONCE = 1_000;
/** How long the server waits for an event before it says that there is none, milliseconds. */
const WAIT_MS = 100;

/** The change stream of a collection. Only ids, kinds and times are asked for: an event as a whole may be too large (16 MB) to be sent. */
export function mongodbChanges(options: ChangesOptions): ChangeStream {
  return {
    end: (since) => endOf(since, options),
    ids: (from, to, signal) =>
      idsBetween(
        from,
        to,
        options,
        signal === undefined ? options.closing : AbortSignal.any([signal, options.closing]),
      ),
  };
}

/** What a stream says in one go. */
interface Said {
  /** A document that changed, by its id alone; absent where nothing came for a while. */
  readonly id?: Buffer;
  /** How far the stream has come: all before it was said. `undefined` where the server does not tell. */
  readonly reached: Position | undefined;
}

async function endOf(since: Position | null, options: ChangesOptions): Promise<StreamEnd> {
  const position = await newest(options);
  if (since === null) return { position, hasChanges: false };
  if (isBefore(position, since)) return { position: since, hasChanges: false };
  for await (const { id, reached } of said(since, options, options.closing)) {
    if (reached === undefined) continue;
    if (id !== undefined) return { position, hasChanges: !isBefore(position, reached) };
    if (!isBefore(reached, position)) break;
  }
  return { position, hasChanges: false };
}

/**
 * The newest majority-committed write of the member that answers: a stream that is asked for no place begins one tick after it (MongoDB
 * `change_stream_helpers.cpp`, `getStartTimeForNewStream`). No read may be asked to wait for a later one, and on a quiet server none comes for a while.
 */
async function newest(options: ChangesOptions): Promise<Position> {
  for await (const { reached } of said(undefined, options, options.closing))
    if (reached !== undefined) return previousPosition(reached);
  throw new MongolakeError('INTERNAL', `${options.about}: the change stream ended by itself`);
}

async function* idsBetween(
  from: Position,
  to: Position,
  options: ChangesOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let at = from;
  let lostAt: Position | undefined = from;
  let failures = 0;
  for (;;) {
    let ids: Buffer[] = [];
    try {
      for await (const { id, reached } of said(at, options, signal)) {
        const isOver = reached !== undefined && (id === undefined ? !isBefore(reached, to) : isBefore(to, reached));
        if (id !== undefined && !isOver) ids.push(id);
        if (id !== undefined && !isOver && ids.length < IDS_AT_ONCE) continue;
        // Without an id it is a sign of life: a long stretch may have nothing of this collection.
        yield distinct(ids);
        if (isOver) return;
        ids = [];
        at = reached ?? at;
        failures = 0;
      }
      return;
    } catch (error) {
      failures += 1;
      signal.throwIfAborted();
      // In the middle it may be a token of the driver's that is not known any more: the place itself is asked for again.
      const isLost = error instanceof MongolakeError && error.code === 'STREAM_LOST' && at !== lostAt;
      if (isLost) lostAt = at;
      else if (!isResumable(error) || failures >= options.tries) throw error;
      await options.clock.sleep(backoffMs(failures, options.clock), signal);
    }
  }
}

/** Each once, back to back. */
function distinct(ids: readonly Buffer[]): Buffer {
  return Buffer.concat([...new Map(ids.map((id) => [id.toString('latin1'), id])).values()]);
}

/** What a stream says from a place on, without end. Errors: those of `ChangeStream`. */
async function* said(
  from: Position | undefined,
  options: ChangesOptions,
  signal: AbortSignal,
): AsyncGenerator<Said, void, void> {
  const { collection, about } = options;
  let stream: ReturnType<typeof open> | undefined;
  try {
    stream = open(await collection(), from);
    for (;;) {
      signal.throwIfAborted();
      const event = await unlessAborted(stream.tryNext(), signal);
      // Where it was closed under the reader, as after a drop, there is no more to come from this one.
      if (event === null && stream.closed) throw new CursorLost('the change stream was closed');
      if (event === null) {
        yield { reached: placeOf(stream.resumeToken) };
        continue;
      }
      const id = changedId(event, about);
      if (id !== undefined) yield { id, reached: timeOf(event) };
    }
  } catch (error) {
    signal.throwIfAborted();
    throw streamError(error, from, options);
  } finally {
    // What goes wrong in the end of a stream that nobody needs is nobody's news; the server drops it by itself.
    stream?.close().catch(() => undefined);
  }
}

function open(collection: Collection, from: Position | undefined) {
  // An id as a document in an array is the one form in which the driver gives bytes. As a JavaScript object it would lose the order of its fields, types
  // of its numbers, and dates beyond JavaScript's.
  const ids = [{ _id: '$documentKey._id' }];
  return collection.watch<Document, Event>([{ $project: { operationType: 1, clusterTime: 1, ids } }], {
    ...(from === undefined ? {} : { startAtOperationTime: new Timestamp(positionBits(from)) }),
    maxAwaitTimeMS: WAIT_MS,
    fieldsAsRaw: { ids: true },
  });
}

/** An event as it is asked for. */
interface Event {
  readonly operationType: string;
  readonly clusterTime?: Timestamp;
  /** The document that changed, by its id alone. */
  readonly ids?: readonly Uint8Array[];
}

const CHANGES: ReadonlySet<string> = new Set(['insert', 'update', 'replace', 'delete']);
/** They leave the documents what they are. */
const HARMLESS: ReadonlySet<string> = new Set(['create', 'createIndexes', 'dropIndexes', 'modify']);

/** Throws `STREAM_ENDED` for what is no change of a document: whatever it is, the collection is not what it was. */
function changedId(event: Event, about: string): Buffer | undefined {
  const { operationType, ids } = event;
  if (CHANGES.has(operationType)) return askable(Buffer.from(ids?.[0] ?? []), about);
  if (HARMLESS.has(operationType)) return undefined;
  const place = timeOf(event);
  const when = place === undefined ? '' : ` at ${new Date(positionTime(place)).toISOString()}`;
  throw new MongolakeError(
    'STREAM_ENDED',
    `${about}: ${ENDS[operationType] ?? operationType}${when}; the table is as before`,
    {
      hint: 'If its name stands for what the table is to hold from now on, `mongolake backfill --replace` loads that and follows it. Else keep the table as it is, and take the collection out of the configuration.',
    },
  );
}

/** Throws `DOCUMENT_BROKEN` where no document can be looked up by the id: its change would be lost in silence. */
function askable(document: Buffer, about: string): Buffer {
  if (canBeAskedFor(document)) return document;
  const id = unlessBroken(() => idAt(document, 0), undefined);
  throw new MongolakeError(
    'DOCUMENT_BROKEN',
    `${about}: a document changed whose _id can not be asked for (BSON type ${id?.type ?? 'unknown'})`,
    {
      hint: 'Give it another _id; or leave source.mode out of the configuration: changes are then found by the cursor field.',
    },
  );
}

const ENDS: Readonly<Record<string, string>> = {
  drop: 'the collection was dropped',
  rename: 'the collection was renamed',
  dropDatabase: 'its database was dropped',
  invalidate: 'the collection was dropped or renamed',
  shardCollection: 'the collection was sharded',
  reshardCollection: 'the collection was sharded anew',
  refineCollectionShardKey: 'the shard key of the collection was changed',
};

function timeOf({ clusterTime }: Event): Position | undefined {
  return clusterTime === undefined ? undefined : positionOf(BigInt(clusterTime.toString()));
}

/**
 * The place of a resume token. Its text begins with the KeyString of a timestamp: a byte that says so, and the 64 bits (MongoDB
 * `src/mongo/db/pipeline/resume_token.h`, `key_string.cpp`).
 */
function placeOf(token: unknown): Position | undefined {
  const { _data: data } = (token ?? {}) as { readonly _data?: unknown };
  const [, bits] = (typeof data === 'string' && /^82([0-9A-Fa-f]{16})/.exec(data)) || [];
  return bits === undefined ? undefined : positionOf(BigInt(`0x${bits}`));
}

/** MongoDB `error_codes.yml`: CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost. */
const LOST = [136, 260, 280, 286] as const;
/** CommandNotFound, CommandNotSupported, NotImplemented, no such stage, and that it takes a replica set. */
const UNSUPPORTED = [59, 115, 238, 40_324, 40_573] as const;

function streamError(error: unknown, from: Position | undefined, { about, redact }: ChangesOptions): MongolakeError {
  if (isServerError(error, ...UNSUPPORTED)) {
    return new MongolakeError(
      'STREAM_UNSUPPORTED',
      `${about} has no change streams: ${redact((error as Error).message)}`,
      {
        hint: 'They take a replica set or a sharded cluster. Leave source.mode out of the configuration: changes are then found by the cursor field.',
      },
    );
  }
  if (from !== undefined && isServerError(error, ...LOST)) {
    const since = new Date(positionTime(from)).toISOString();
    return new MongolakeError('STREAM_LOST', `${about}: the server no longer has the changes since ${since}`, {
      hint: 'The next `mongolake sync` reads the whole collection and replaces the table. A larger oplog holds more.',
    });
  }
  return sourceError(error, about, redact);
}
