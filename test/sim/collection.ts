import { createHash } from 'node:crypto';
import { Long, serialize } from 'bson';
import type { Chance } from './chance.ts';
import { Violation, type World } from './world.ts';

/** One state of a document. Every state has a revision of its own, so that a row tells which one it is. */
export interface State {
  /** The `_id` as text: what the simulation knows a document by. */
  readonly id: string;
  readonly revision: number;
  /** Its `updateTime`, epoch milliseconds. */
  readonly cursor: number;
  readonly bytes: Buffer;
  /** Can't be stored: it has to be put aside. */
  readonly isBroken: boolean;
  /** SHA-256 of the bytes, hex. */
  readonly digest: string;
}

/** The collection that the table follows, and all that it ever held. A plain map is the truth that the table is held against. */
export interface Collection {
  /** Id → its state now. */
  readonly documents: ReadonlyMap<string, State>;
  /** The state of this revision; `undefined` where the collection never held it. */
  state(revision: number): State | undefined;
  /** Writes a document: a new one, or a new state of one that is there. */
  write(): void;
  /** The server's clock, epoch milliseconds. */
  now(): number;
  /** When it was written last, by the server's clock. */
  readonly lastWrite: number;
}

/** Half an hour: what an application may be wrong by that stamps documents with a time to come. */
const FUTURE_MS = 1_800_000;
/** The server's clock and the true time differ by up to so much, milliseconds. */
const SKEW_MS = 2_000;

/** A collection with up to `options.ids` documents. */
export function createCollection(world: World): Collection {
  const { options, trace } = world;
  const chance = world.chance('collection');
  const documents = new Map<string, State>();
  const states = new Map<number, State>();
  const ids = drawIds(chance, options.ids, options.idKind);
  const skew = chance.integer(-SKEW_MS, SKEW_MS);
  const now = () => world.now() + skew;
  let lastWrite = now();
  const write = () => {
    const id = chance.pick(ids);
    const before = documents.get(id);
    const revision = states.size + 1;
    const isBroken = world.strikes('broken');
    const cursor = stamp(world, chance, now(), before?.cursor);
    const bytes = documentBytes(options.idKind, id, revision, cursor, isBroken);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const state = { id, revision, cursor, bytes, isBroken, digest };
    states.set(revision, state);
    documents.set(id, state);
    lastWrite = now();
    trace.note('source', `writes ${JSON.stringify(id)} #${revision}${isBroken ? ', broken' : ''}`, {
      loud: true,
      aside: `at ${stampText(cursor - now())}`,
    });
  };
  const initial = chance.integer(0, options.ids);
  for (let i = 0; i < initial; i++) write();
  return {
    documents,
    state: (revision) => states.get(revision),
    write,
    now,
    get lastWrite() {
      return lastWrite;
    },
  };
}

function stampText(ahead: number): string {
  return ahead === 0 ? 'its time' : `${ahead > 0 ? '+' : ''}${(ahead / 1000).toFixed(3)} s`;
}

/**
 * What a write is stamped with: the time, or an earlier or a later one. Where the source is cut by time, a document never goes
 * back in it: else one that moves from a range to be read to one that has been read would be met by neither.
 */
function stamp(world: World, chance: Chance, now: number, before: number | undefined): number {
  const { allowedLateness, splitBy } = world.options;
  const odd = world.strikes('oddStamp');
  const late = now - chance.integer(0, allowedLateness - 1);
  const early = now + chance.integer(0, FUTURE_MS);
  const cursor = odd ? (chance.hits(0.7) ? late : early) : now;
  return splitBy === 'time' && before !== undefined ? Math.max(cursor, before + 1) : cursor;
}

/** Texts whose order by UTF-8 is another than by UTF-16; integers whose order is another than that of their digits. */
function drawIds(chance: Chance, count: number, kind: 'integers' | 'texts'): readonly string[] {
  const ids = new Set<string>();
  while (ids.size < count) {
    const n = chance.integer(-20, 150);
    if (kind === 'integers') ids.add(String(n * chance.pick([1, 1, 100, 10_000_000_000])));
    else ids.add(`${chance.pick(['a', 'b', 'ｚ', '😀', ''])}${chance.pick(['', '\uff5e', '😎'])}${n}`);
  }
  return [...ids];
}

function documentBytes(
  kind: 'integers' | 'texts',
  id: string,
  revision: number,
  cursor: number,
  isBroken: boolean,
): Buffer {
  const document = {
    _id: kind === 'integers' ? Long.fromString(id) : id,
    revision,
    updateTime: new Date(cursor),
    // New columns come up, and columns of another type.
    ...(revision % 5 === 0 ? { [`field${revision % 3}`]: revision % 2 === 0 ? revision : 'text' } : {}),
    text: 'x',
  };
  const bytes = Buffer.from(serialize(document));
  // The terminator of the last string, which is followed by that of the document.
  if (isBroken) bytes[bytes.length - 2] = 1;
  return bytes;
}

/** The state that a row says it is. Throws where the collection never held such a one. */
export function stateOfRow(collection: Collection, row: { readonly id: string; readonly revision: number }): State {
  const state = collection.state(row.revision);
  if (state === undefined || state.id !== row.id || state.isBroken)
    throw new Violation('rows', `${JSON.stringify(row.id)} #${row.revision} was never in the source`);
  return state;
}
