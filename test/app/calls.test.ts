import { expect, test } from 'vitest';
import { type Calls, runCalls } from '../../src/app/calls.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { LEASE_KEY } from '../../src/shared/domain/keys.ts';
import { createLiveness } from '../../src/shared/liveness.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { watchedSource, watchedStorage } from '../../src/shared/watched.ts';
import { fakeClock } from '../coordinator/fake-clock.ts';
import { silent } from '../coordinator/table-harness.ts';

const DRAIN_MS = 10_000;
const LAST_MS = 3_000;
const STUCK_MS = 60_000;

function hang(): Promise<never> {
  return new Promise(() => {});
}

/** The calls of a run over a store and a source that never answer. */
function hanging() {
  const clock = fakeClock(0);
  const stop = new AbortController();
  const liveness = createLiveness(clock, STUCK_MS);
  const life = liveness.begin({ table: 'guest.notifications' });
  const calls: Calls = runCalls({ clock, logger: silent, signal: stop.signal, drainTimeoutMs: DRAIN_MS, life });
  const memory = memoryStorage('memory:table', clock);
  const storage: Storage = {
    ...memory,
    get: hang,
    putIfMatch: hang,
    list: () => ({ [Symbol.asyncIterator]: endless }),
  };
  const source = { description: 'db', namespace: { database: 'd', collection: 'c' }, clock: hang } as unknown as Source;
  return {
    clock,
    liveness,
    calls,
    stop: () => stop.abort(new Error('stopped by SIGTERM')),
    memory: watchedStorage(memory, calls.watch),
    storage: watchedStorage(storage, calls.watch),
    source: watchedSource(source, calls.watch),
  };
}

function endless(): AsyncIterator<never> {
  // Its end hangs too, as that of a generator does that waits for an answer.
  return { next: hang, return: hang };
}

/** How a promise has ended by now, without waiting for it. */
function watchEnd(work: Promise<unknown>): () => unknown {
  let end: unknown = 'goes on';
  work.then(
    (value) => {
      end = value;
    },
    (error: { readonly code?: string }) => {
      end = error.code;
    },
  );
  return () => end;
}

test('a call that hangs is given up once the drain is over, not before, and without a signal never', async () => {
  const { clock, calls, storage, source, stop } = hanging();
  const listed = async () => {
    for await (const _ of storage.list('')) throw new Error('it lists nothing');
  };
  const ends = [watchEnd(storage.get('a')), watchEnd(source.clock()), watchEnd(listed())];
  await clock.advance(STUCK_MS);
  stop();
  await clock.advance(DRAIN_MS - 1);
  expect(ends.map((end) => end())).toEqual(['goes on', 'goes on', 'goes on']);
  expect(calls.gaveUp()).toBe(false);
  await clock.advance(1);
  await clock.advance(0);
  expect(ends.map((end) => end())).toEqual(['STORE_UNREACHABLE', 'SOURCE_UNREACHABLE', 'STORE_UNREACHABLE']);
  expect(calls.gaveUp()).toBe(true);
});

test('after that a call has a moment, in which one that is answered gets its answer', async () => {
  const { clock, calls, storage, memory, stop } = hanging();
  stop();
  await clock.advance(DRAIN_MS);
  await clock.advance(0);
  await memory.put('a', Buffer.from('x'));
  expect((await memory.get('a'))?.body.toString()).toBe('x');
  expect(calls.gaveUp()).toBe(false);
  const end = watchEnd(storage.get('a'));
  await clock.advance(LAST_MS - 1);
  expect(end()).toBe('goes on');
  await clock.advance(1);
  await clock.advance(0);
  expect(end()).toBe('STORE_UNREACHABLE');
});

test('a run that hangs in a call is stuck, and the call is named, though its lease is renewed', async () => {
  const { clock, liveness, storage, source, memory } = hanging();
  await clock.advance(STUCK_MS - 1);
  await memory.get('a');
  void source.clock();
  await clock.advance(STUCK_MS - 1);
  await memory.putIfMatch(LEASE_KEY, Buffer.from('"nonce"'), 'etag', 'nonce');
  void storage.putIfMatch(LEASE_KEY, Buffer.from('"nonce"'), 'etag', 'nonce');
  expect(liveness.stuck()).toBeUndefined();
  await clock.advance(1);
  expect(liveness.stuck()).toEqual({
    fields: { table: 'guest.notifications', call: 'source clock' },
    silentMs: STUCK_MS,
  });
});

test('what has ended is no longer watched', async () => {
  const { clock, calls, liveness, storage, stop } = hanging();
  const end = watchEnd(storage.get('a'));
  calls.close();
  stop();
  await clock.advance(STUCK_MS);
  expect(end()).toBe('goes on');
  expect(liveness.stuck()).toBeUndefined();
});
