import { Decimal128, Double, Long, ObjectId } from 'bson';
import { below, chance, pick, type Random, random, STREAM } from './random.ts';
import {
  CAMPAIGNS,
  CHANNELS,
  type Channel,
  EMOJI,
  FAMILY_NAMES,
  GIVEN_NAMES,
  HOTELS,
  type Hotel,
  LOCALES,
  SUBJECTS,
  TAGS,
  TEMPLATES,
} from './vocabulary.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** A day, in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;
const HISTORY_MS = 90 * DAY_MS;
const MAX_ATTEMPTS = 4;

export type Status = 'queued' | 'sent' | 'delivered' | 'opened' | 'failed';

export type Attempt = { at: Date; provider: string; code: number };

/** One notification as the collection holds it. A plain number is an Int32: Doubles are wrapped. */
export type Notification = {
  _id: ObjectId;
  /** Above 2^53, and odd: a double can't hold it. */
  sequence: Long;
  guestId: string;
  guestName: string;
  booking: { ref: string; hotel: string; checkIn: Date; nights: number };
  channel: Channel['name'];
  template: string;
  locale: string;
  /** Null where the channel has no subject. */
  subject: string | null;
  consent: boolean;
  status: Status;
  attempts: Attempt[];
  cost: Double;
  /** Missing in some. Most amounts are Decimal128; an older writer still stores doubles. */
  price?: { amount: Decimal128 | Double; currency: string };
  tags: string[];
  campaign?: string;
  /** Only while the status is `failed`. */
  failure?: { reason: string; permanent: boolean };
  createTime: Date;
  updateTime: Date;
};

/** What every document is a function of, besides its index. */
export interface Base {
  /** Unsigned 32-bit. */
  readonly seed: number;
  /** Documents of day one: indexes below it were created in the 90 days before `asOf`, the others in the day after it. */
  readonly docs: number;
  /** Documents that day two inserts. */
  readonly inserted: number;
  /** Epoch milliseconds. */
  readonly asOf: number;
  /** False: every price is a double. */
  readonly decimals: boolean;
}

/**
 * Document number `index` as it was at the end of the day that created it (`asOf`, or a day later from index `docs` on).
 * `createTime`, and with it the ObjectId, rises with the index.
 */
export function notification(index: number, base: Base): Notification {
  const next = random(base.seed, STREAM.notification, index);
  const createTime = createdAt(index + next(), base);
  const now = index < base.docs ? base.asOf : base.asOf + DAY_MS;
  const booking = bookingAt(bookingNumber(index, base, next), base);
  const channel = pick(next, CHANNELS);
  const template = templateFor(createTime, booking.checkIn, next);
  const price = chance(next, 0.85) ? priceOf(booking, base, next) : undefined;
  const campaign = template === 'upgrade_offer' ? pick(next, CAMPAIGNS) : undefined;
  const tags = tagsOf(next);
  const cost = new Double((1 + below(next, 900)) / 10000);
  const consent = chance(next, 0.7);
  const { status, updateTime, attempts, failure } = delivery(createTime, now, channel, next);
  return {
    _id: objectId(createTime, index, base.seed),
    sequence: sequenceNumber(index),
    guestId: booking.guest.id,
    guestName: booking.guest.name,
    booking: {
      ref: booking.ref,
      hotel: booking.hotel.name,
      checkIn: new Date(booking.checkIn),
      nights: booking.nights,
    },
    channel: channel.name,
    template,
    locale: booking.guest.locale,
    subject: channel.name === 'email' ? (SUBJECTS[template] ?? null) : null,
    consent,
    status,
    attempts,
    cost,
    ...(price && { price }),
    tags,
    ...(campaign && { campaign }),
    ...(failure && { failure }),
    createTime: new Date(createTime),
    updateTime: new Date(updateTime),
  };
}

/** `before` after a change in the day that follows `asOf`: another status, a later updateTime, one more attempt. */
export function changed(before: Notification, index: number, base: Base): Notification {
  const next = random(base.seed, STREAM.change, index);
  const at = base.asOf + 1 + below(next, DAY_MS - 1);
  const channel = CHANNELS.find(({ name }) => name === before.channel) ?? CHANNELS[0];
  const refusal = before.status === 'queued' && chance(next, 0.1) ? pick(next, channel.refused) : undefined;
  const again = before.status === 'opened' || before.status === 'failed';
  const { failure: _, createTime, updateTime: __, ...kept } = before;
  return {
    ...kept,
    status: refusal ? 'failed' : FOLLOWING[before.status],
    attempts: [
      ...before.attempts,
      { at: new Date(at), provider: pick(next, channel.providers), code: refusal?.code ?? channel.accepted },
    ],
    tags: again ? [...before.tags, 'resent'] : before.tags,
    ...(refusal && { failure: { reason: refusal.reason, permanent: false } }),
    createTime,
    updateTime: new Date(at),
  };
}

const FOLLOWING: Readonly<Record<Status, Status>> = {
  queued: 'sent',
  sent: 'delivered',
  delivered: 'opened',
  opened: 'sent',
  failed: 'sent',
};

/** `position` is an index and a fraction; epoch milliseconds, rising with it. */
function createdAt(position: number, { docs, inserted, asOf }: Base): number {
  if (position < docs) return asOf - HISTORY_MS + Math.floor((position * HISTORY_MS) / docs);
  return asOf + Math.floor(((position - docs) * DAY_MS) / inserted);
}

/** Time, five bytes that stand for the writing process, and a counter (the ObjectId layout of the BSON specification). */
function objectId(createTime: number, index: number, seed: number): ObjectId {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(createTime / SECOND_MS));
  view.setUint32(4, Math.imul(seed, 0x9e3779b1));
  view.setUint32(8, index & 0xffffff);
  bytes[8] = 0x5a;
  return new ObjectId(bytes);
}

function sequenceNumber(index: number): Long {
  const low = 2 * index + 1;
  return new Long(low | 0, 0x200000 + Math.floor(low / 2 ** 32));
}

interface Booking {
  readonly ref: string;
  readonly hotel: Hotel;
  readonly checkIn: number;
  readonly nights: number;
  readonly guest: Guest;
}

interface Guest {
  readonly id: string;
  readonly name: string;
  readonly locale: string;
}

/** Three notifications per booking on average, the later ones up to about two weeks after it. */
function bookingNumber(index: number, { docs }: Base, next: Random): number {
  const age = Math.floor((next() * next() * docs) / 6);
  return Math.floor(Math.max(0, index - age) / 3);
}

function bookingAt(number: number, base: Base): Booking {
  const next = random(base.seed, STREAM.booking, number);
  const bookedAt = createdAt(number * 3, base);
  const daysAhead = 1 + Math.floor(next() * next() * 45);
  return {
    ref: `B${(0x1000000 + below(next, 0xeffffff)).toString(36).toUpperCase()}`,
    hotel: pick(next, HOTELS),
    checkIn: bookedAt - (bookedAt % DAY_MS) + daysAhead * DAY_MS + 15 * HOUR_MS,
    nights: 1 + Math.floor(next() * next() * 14),
    guest: guestAt(below(next, Math.ceil(base.docs / 5)), base.seed),
  };
}

function guestAt(number: number, seed: number): Guest {
  const next = random(seed, STREAM.guest, number);
  const name = `${pick(next, GIVEN_NAMES)} ${pick(next, FAMILY_NAMES)}`;
  return {
    id: `g-${String(number).padStart(7, '0')}`,
    name: chance(next, 0.08) ? `${name} ${pick(next, EMOJI)}` : name,
    locale: pick(next, LOCALES),
  };
}

function templateFor(createTime: number, checkIn: number, next: Random): string {
  if (createTime >= checkIn) return pick(next, TEMPLATES.stayed);
  return pick(next, createTime >= checkIn - 3 * DAY_MS ? TEMPLATES.arriving : TEMPLATES.booked);
}

function priceOf({ hotel, nights }: Booking, { decimals }: Base, next: Random): NonNullable<Notification['price']> {
  const units = nights * Math.floor(hotel.nightlyRate * (0.8 + next() * 0.6));
  const isDouble = chance(next, 0.12) || !decimals;
  const amount = isDouble ? new Double(units / 10 ** hotel.decimals) : decimal(units, hotel.decimals);
  return { amount, currency: hotel.currency };
}

/**
 * `units` (below 2^32) with that many decimals, laid out as IEEE 754-2008 decimal128 with a binary integer: much faster than
 * from a string.
 */
function decimal(units: number, decimals: number): Decimal128 {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, units, true);
  view.setUint32(12, (6176 - decimals) << 17, true);
  return new Decimal128(bytes);
}

/** None to three, no tag twice. */
function tagsOf(next: Random): string[] {
  const first = below(next, TAGS.length);
  const count = below(next, 4);
  return [...TAGS, ...TAGS].slice(first, first + count);
}

type Delivery = Pick<Notification, 'status' | 'attempts' | 'failure'> & { updateTime: number };

/** What had happened to a notification by `now`: the newest ones are still on their way. */
function delivery(createTime: number, now: number, channel: Channel, next: Random): Delivery {
  const state: Delivery = { status: 'queued', attempts: [], updateTime: createTime };
  const provider = pick(next, channel.providers);
  // Some wait for the guest's morning.
  const wait = chance(next, 0.2) ? below(next, 12 * HOUR_MS) : below(next, 30 * SECOND_MS);
  let at = createTime + 200 + wait;
  while (state.status === 'queued' && at < now) {
    const refusal = chance(next, 0.18) ? pick(next, channel.refused) : undefined;
    state.attempts.push({ at: new Date(at), provider, code: refusal?.code ?? channel.accepted });
    state.updateTime = at;
    if (!refusal) {
      state.status = 'sent';
    } else if (chance(next, 0.25) || state.attempts.length === MAX_ATTEMPTS) {
      state.status = 'failed';
      state.failure = { reason: refusal.reason, permanent: state.attempts.length < MAX_ATTEMPTS };
    }
    if (refusal) at += (5 + below(next, 25)) * MINUTE_MS;
  }
  if (state.status === 'sent') received(state, at, now, next);
  return state;
}

/** Nine in ten report the delivery within minutes, and every other guest then opens the message within three days. */
function received(state: Delivery, sentAt: number, now: number, next: Random): void {
  const deliveredAt = sentAt + SECOND_MS + below(next, 3 * MINUTE_MS);
  if (!chance(next, 0.9) || deliveredAt >= now) return;
  state.status = 'delivered';
  state.updateTime = deliveredAt;
  const openedAt = deliveredAt + SECOND_MS + Math.floor(next() * next() * 3 * DAY_MS);
  if (!chance(next, 0.5) || openedAt >= now) return;
  state.status = 'opened';
  state.updateTime = openedAt;
}
