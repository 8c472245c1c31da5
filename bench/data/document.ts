import { Double, Long, ObjectId } from 'bson';
import { below, pick, type Random, random } from '../../examples/sample/random.ts';
import { FAMILY_NAMES, GIVEN_NAMES, HOTELS, LOCALES } from '../../examples/sample/vocabulary.ts';

/** 14 flat fields, about 346 bytes of BSON: what every contender can store without a setting of its own. Numbers are Int32. */
export interface BenchDocument {
  readonly _id: ObjectId;
  readonly sequence: Long;
  readonly guestId: string;
  readonly guestName: string;
  readonly hotel: string;
  readonly room: number;
  readonly channel: string;
  readonly template: string;
  readonly subject: string;
  readonly status: string;
  readonly attempts: number;
  readonly cost: Double;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** What every document is a function of, besides its index. */
export interface Base {
  /** Unsigned 32-bit. */
  readonly seed: number;
  /** Documents of the collection, at most `MAX_ROWS`. */
  readonly rows: number;
}

/** An ObjectId's counter has three bytes. */
export const MAX_ROWS = 2 ** 24;

/** When the collection's dump starts; no document of it is newer. Epoch milliseconds. */
export const AS_OF = Date.parse('2026-06-01T00:00:00Z');
const DAY_MS = 24 * 60 * 60_000;
const HISTORY_MS = 90 * DAY_MS;

/** When the dump of what changed starts. Epoch milliseconds. */
export const CHANGED_AS_OF = AS_OF + DAY_MS;

const CHANNELS = ['email', 'sms', 'push', 'whatsapp'] as const;
const STATUSES = ['queued', 'sent', 'delivered', 'opened', 'failed'] as const;
const TEMPLATES = ['booking_confirmed', 'check_in_reminder', 'invoice_ready', 'review_request'] as const;
const STREAM = { document: 101, change: 102 } as const;

/** Document number `index`. `createTime`, and with it `_id`, rises with the index. */
export function documentAt(index: number, base: Base): BenchDocument {
  return filledIn(objectId(index, base, 0), index, base, 0);
}

/** The document after a change of its status, as most changes are: two fields differ. */
export function withStatusChanged(index: number, base: Base): BenchDocument {
  const before = documentAt(index, base);
  const status = STATUSES[(STATUSES.indexOf(before.status as 'sent') + 1) % STATUSES.length] as string;
  return { ...before, status, updateTime: changeTime(index, base) };
}

/** The document after a change of every field but `_id`. */
export function withAllChanged(index: number, base: Base): BenchDocument {
  const createTime = new Date(createdAt(index, base) + 1);
  return { ...filledIn(objectId(index, base, 0), index, base, 1), createTime, updateTime: changeTime(index, base) };
}

/** A document that the collection did not have; its id stands close after that of document number `index`. */
export function insertedAfter(index: number, base: Base): BenchDocument {
  return { ...filledIn(objectId(index, base, 1), index, base, 2), updateTime: changeTime(index, base) };
}

/** Every choice moves on by `turn`, so that two turns of one document differ in every field but `_id` and the times. */
function filledIn(_id: ObjectId, index: number, base: Base, turn: number): BenchDocument {
  const next = random(base.seed, STREAM.document, index);
  const turned = <T>(list: readonly [T, ...T[]]): T => list[(list.indexOf(pick(next, list)) + turn) % list.length] as T;
  const given = turned(GIVEN_NAMES);
  const room = 100 + below(next, 800) + turn;
  const createTime = createdAt(index, base);
  const guest = below(next, Math.ceil(base.rows / 5)) + turn;
  return {
    _id,
    sequence: Long.fromNumber(2 ** 40 + index * 10 + turn),
    guestId: `g-${String(guest).padStart(7, '0')}`,
    guestName: `${given} ${turned(FAMILY_NAMES)}`,
    hotel: turned(HOTELS).name,
    room,
    channel: turned(CHANNELS),
    template: turned(TEMPLATES),
    subject: `Dear ${given}, your room ${room} will be ready soon at ${7 + below(next, 12)}:${10 + below(next, 50)} (${pick(next, LOCALES)})`,
    status: turned(STATUSES),
    attempts: below(next, 4) + turn,
    cost: new Double((1 + below(next, 900) + turn) / 10_000),
    createTime: new Date(createTime),
    updateTime: new Date(Math.min(createTime + lasted(next), AS_OF - 1)),
  };
}

/** Milliseconds between the creation of a document and its last change, most of them short. */
function lasted(next: Random): number {
  return Math.floor(next() * next() * 3 * DAY_MS);
}

function changeTime(index: number, { seed }: Base): Date {
  return new Date(AS_OF + 1 + below(random(seed, STREAM.change, index), DAY_MS - 1));
}

function createdAt(index: number, { rows }: Base): number {
  return AS_OF - HISTORY_MS + Math.floor((index * HISTORY_MS) / rows);
}

/** Seconds, five bytes that stand for the writing process, and a counter (the ObjectId layout of the BSON specification). */
function objectId(index: number, base: Base, writer: 0 | 1): ObjectId {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(createdAt(index, base) / 1000));
  view.setUint32(8, index);
  view.setUint32(4, 0x5a3c0000 + writer);
  return new ObjectId(bytes);
}
