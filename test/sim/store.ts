import { writeFileSync } from 'node:fs';
import { collect, holdBody } from '../../src/shared/adapters/storage-body.ts';
import { checkWriterId, compareKeys, objectMissing, rangeBeyondEnd } from '../../src/shared/adapters/storage-keys.ts';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { ByteRange, ObjectInfo, PutIfResult, Storage } from '../../src/shared/ports/storage.ts';
import type { Chance } from './chance.ts';
import { createLine, type Line } from './network.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** An object as it is in the store. */
export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly modifiedAt: number;
}

/** Told of what changes in the store, at the moment it does. What it throws ends the simulation. */
export interface StoreObserver {
  /** `by` is what the handle was opened for. */
  written(key: string, body: Buffer, by: unknown): void;
  deleted(key: string): void;
}

/** The object store of one table. */
export interface Store {
  readonly objects: ReadonlyMap<string, StoredObject>;
  observe(observer: StoreObserver): void;
  /** The store as a process reaches it; `by` is told to observers with what it writes. */
  open(process: SimProcess, by?: unknown): Storage;
  setAway(away: boolean): void;
}

const URI = 'sim:table';
/** The store's own clock differs from all others by up to so much, milliseconds. */
const SKEW_MS = 5_000;
const COMMIT_WEIGHT = 6;

interface Inside {
  readonly world: World;
  readonly objects: Map<string, StoredObject>;
  readonly observers: StoreObserver[];
  readonly line: Line;
  readonly chance: Chance;
  readonly skew: number;
  writes: number;
}

/** An empty store that keeps the promises of its port, and no others. */
export function createStore(world: World): Store {
  let isAway = false;
  const chance = world.chance('store');
  const inside: Inside = {
    world,
    objects: new Map(),
    observers: [],
    line: createLine(world, {
      server: 'store',
      error: 'STORE_UNREACHABLE',
      isAway: () => isAway,
      delay: [2, 60],
      lossy: true,
    }),
    chance,
    skew: chance.integer(-SKEW_MS, SKEW_MS),
    writes: 0,
  };
  return {
    objects: inside.objects,
    observe: (observer) => {
      inside.observers.push(observer);
    },
    open: (process, by) => handle(inside, process, by),
    setAway: (away) => {
      isAway = away;
      world.trace.note('store', away ? 'goes away' : 'is back', { loud: true });
    },
  };
}

function handle(inside: Inside, process: SimProcess, by: unknown): Storage {
  const { line, objects } = inside;
  // Where its condition does not hold, a conditional put looks whether it is its own earlier try that stands in the way.
  const conditional = (verb: string, key: string, body: Buffer, writerId: string, holds: () => boolean) => {
    checkWriterId(URI, key, body, writerId);
    const effect = (): PutIfResult => {
      if (holds()) return { written: true, etag: write(inside, key, body, by) };
      const found = objects.get(key);
      return found?.body.includes(writerId) ? { written: true, etag: found.etag } : { written: false };
    };
    // The one write that everything hangs on.
    const weight = key.startsWith('_delta_log/') ? COMMIT_WEIGHT : 1;
    const label = `${verb} ${key}`;
    return line.call<PutIfResult>(process, { label, writes: true, weight, effect, settles: true });
  };
  return {
    uri: URI,
    get: (key, range) =>
      line.call(process, { label: `get ${key}`, writes: false, effect: () => read(inside, key, range) }),
    download: async (key, path, signal) => {
      const effect = () => read(inside, key);
      const found = await line.call(process, { label: `download ${key}`, writes: false, effect, signal });
      if (found === undefined) throw objectMissing(URI, key);
      writeFileSync(path, found.body);
      return { size: found.body.length, crc32: checksumOf(found.body) };
    },
    put: async (key, body, signal) => {
      const held = holdBody(body, signal);
      try {
        const whole = await collect(held.chunks);
        const effect = () => ({ etag: write(inside, key, whole, by), size: whole.length });
        return await line.call(process, { label: `put ${key}`, writes: true, effect, signal });
      } finally {
        held.release();
      }
    },
    putIfAbsent: (key, body, writerId) => conditional('put-if-absent', key, body, writerId, () => !objects.has(key)),
    putIfMatch: (key, body, etag, writerId) =>
      conditional('put-if-match', key, body, writerId, () => objects.get(key)?.etag === etag),
    list: (prefix, options) => listed(inside, process, prefix, options?.startAfter),
    delete: (keys) =>
      line.call(process, { label: `delete ${keys.join(' ')}`, writes: true, effect: () => remove(inside, keys) }),
    close: async () => undefined,
  };
}

function write(inside: Inside, key: string, body: Buffer, by: unknown): string {
  const { objects, observers, world, skew } = inside;
  inside.writes += 1;
  const etag = `"${inside.writes}"`;
  objects.set(key, { body: Buffer.from(body), etag, modifiedAt: world.now() + skew });
  for (const observer of observers) observer.written(key, body, by);
  return etag;
}

function remove({ objects, observers }: Inside, keys: readonly string[]): void {
  for (const key of keys) {
    if (!objects.delete(key)) continue;
    for (const observer of observers) observer.deleted(key);
  }
}

function read(
  { objects, world, chance }: Inside,
  key: string,
  range?: ByteRange,
): { readonly body: Buffer; readonly etag: string } | undefined {
  const found = objects.get(key);
  if (found === undefined) return undefined;
  if (range !== undefined && range.end > found.body.length) throw rangeBeyondEnd(URI, key, range, found.body.length);
  const body = Buffer.from(found.body.subarray(range?.start, range?.end));
  if (world.strikes('corrupt') && body.length > 0) {
    world.trace.note('store', `what is read of ${key} is damaged`, { loud: true });
    if (chance.hits(0.5)) throw new MongolakeError('OBJECT_CORRUPT', `${key} was cut on its way`);
    const at = chance.integer(0, body.length - 1);
    body[at] = (body[at] as number) ^ 1;
  }
  return { body, etag: found.etag };
}

/** A page at a time, each of which shows the store as it was when the page was made. */
async function* listed(
  inside: Inside,
  process: SimProcess,
  prefix: string,
  startAfter: string | undefined,
): AsyncGenerator<ObjectInfo> {
  const { line, objects, chance } = inside;
  const size = chance.pick([3, 1000, 1000]);
  for (let after = startAfter; ; ) {
    const effect = () => page(objects, prefix, after, size);
    const keys = await line.call(process, { label: `list ${prefix}`, writes: false, effect });
    yield* keys;
    after = keys.at(-1)?.key;
    if (keys.length < size || after === undefined) return;
  }
}

function page(
  objects: ReadonlyMap<string, StoredObject>,
  prefix: string,
  after: string | undefined,
  size: number,
): readonly ObjectInfo[] {
  return [...objects.keys()]
    .filter((key) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0))
    .sort(compareKeys)
    .slice(0, size)
    .map((key) => {
      const { body, modifiedAt } = objects.get(key) as StoredObject;
      return { key, size: body.length, modifiedAt };
    });
}
