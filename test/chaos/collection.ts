import { type Document, MongoClient } from 'mongodb';
import type { Services } from '../services/provided.ts';

/** A collection that goes from one generation to the next, all at once, so that every table of a suite has the same to do. */
export interface ChangingCollection {
  readonly database: string;
  readonly name: string;
  /** Replaces the content by that of a generation: 0 at first, then each a third changed and some new. */
  fill(generation: number): Promise<void>;
  /** What a table of it must hold now: `_id` to `n`. Read from the server. */
  rows(): Promise<ReadonlyMap<string, number>>;
  /** Documents of the present generation that can't be stored. */
  broken(): number;
  /** The `_id` of the document with this number: they ascend with it. */
  id(number: number): string;
  /** Sets `n` of one document, as a client would. */
  set(id: string, n: number): Promise<void>;
  close(): Promise<void>;
}

const INSERTED_AT_ONCE = 20_000;
const HOUR = 3_600_000;
/** Deeper than any table can hold; a real MongoDB does not even take it. */
const TOO_DEEP = 205;
/** From this generation on some documents can't be stored. */
const FIRST_BROKEN = 2;

/** `size` documents of generation 0; each later one brings `size / 10` more. */
export async function changingCollection(mongodb: Services['mongodb'], size: number): Promise<ChangingCollection> {
  const client = await MongoClient.connect(mongodb.uri);
  const { database } = mongodb;
  const name = 'notifications';
  const collection = client.db(database).collection<{ _id: string }>(name);
  const times: number[] = [];
  const breaks = mongodb.kind === 'ferretdb' ? 3 : 0;
  let generation = 0;
  return {
    database,
    name,
    async fill(next) {
      generation = next;
      times[next] = next === 0 ? Date.now() - HOUR : Date.now();
      await collection.drop().catch(() => undefined);
      await collection.createIndex({ updateTime: 1 });
      for (const some of chunksOf([...documents(size, times), ...brokenOf(next, breaks, times)], INSERTED_AT_ONCE))
        await collection.insertMany(some as { _id: string }[]);
    },
    async rows() {
      const found = await collection.find({ n: { $exists: true } }, { projection: { n: 1 } }).toArray();
      return new Map(found.map(({ _id, ...rest }) => [_id, Number((rest as Document).n)]));
    },
    broken: () => (generation < FIRST_BROKEN ? 0 : breaks),
    id: idOf,
    async set(id, n) {
      await collection.updateOne({ _id: id }, { $set: { n, updateTime: new Date() } });
    },
    close: () => client.close(),
  };
}

function* chunksOf<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

/** The documents of the newest generation in `times`, which holds when each came. */
function* documents(size: number, times: readonly number[]): Generator<Document> {
  const generation = times.length - 1;
  const count = size + generation * Math.floor(size / 10);
  for (let i = 0; i < count; i++) {
    const changed = lastChange(i, size, generation);
    yield {
      _id: idOf(i),
      n: i * 10 + changed,
      text: `the ${i}th of generation ${changed}`,
      updateTime: new Date(times[changed] ?? 0),
    };
  }
}

function idOf(number: number): string {
  return `n${String(number).padStart(7, '0')}`;
}

function lastChange(i: number, size: number, generation: number): number {
  for (let g = generation; g > 0; g--) {
    if (i >= size ? Math.floor((i - size) / Math.floor(size / 10)) + 1 === g : i % 3 === g % 3) return g;
  }
  return 0;
}

function brokenOf(generation: number, count: number, times: readonly number[]): Document[] {
  if (generation < FIRST_BROKEN) return [];
  let deep: Document = { end: 1 };
  for (let depth = 0; depth < TOO_DEEP; depth++) deep = { d: deep };
  return Array.from({ length: count }, (_, i) => ({
    _id: `broken${i}`,
    deep,
    updateTime: new Date(times[generation] ?? 0),
  }));
}
