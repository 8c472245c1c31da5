import { expect, test } from 'vitest';
import { localQueue } from '../../src/shared/adapters/queue-local.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { createLiveness } from '../../src/shared/liveness.ts';
import type { ConsumeOptions, Delivery, Queue } from '../../src/shared/ports/queue.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { livingDelivery, livingStorage, watchWorker } from '../../src/worker/watch.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { gate, mergeJob } from '../contracts/queue-contract-helpers.ts';
import { fakeClock, settle } from '../coordinator/fake-clock.ts';
import { silent } from '../coordinator/table-harness.ts';

const TIMEOUT_MS = 60_000;
const LOOP = { what: 'taking jobs' };
const MERGE = { what: 'merge', table: 'guest.notifications', run: 'r1' };

/** A worker of one job at a time whose jobs hang in their first call of the store until the test opens the door. */
async function worker() {
  const clock = fakeClock(0);
  const local = localQueue(clock);
  const door = gate();
  let look = () => {};
  const queue: Queue = {
    ...local,
    consume(handler: (delivery: Delivery) => Promise<void>, options: ConsumeOptions) {
      look = () => options.onLook?.();
      return local.consume(handler, options);
    },
  };
  const storage: Storage = {
    ...memoryStorage('memory:table', clock),
    async get() {
      await door.opened;
      return undefined;
    },
  };
  const liveness = createLiveness(clock, TIMEOUT_MS);
  await startWorker({
    queue,
    open: async () => ({ storage, openSource: () => Promise.reject(new Error('no job reads')) }),
    pool: {
      merge: never,
      compare: never,
      rewrite: never,
      compact: never,
      locate: never,
      shuffle: never,
      close: async () => {},
    },
    clock,
    logger: silent,
    scratch: '/nowhere',
    slabBytes: () => 1,
    understands: () => true,
    concurrency: 1,
    liveness,
  });
  return { clock, queue, door, liveness, look: () => look() };
}

function never(): Promise<never> {
  return Promise.reject(new Error('no job comes so far'));
}

test('a loop that does not look for jobs is stuck; one that looks is not', async () => {
  const { clock, liveness, look } = await worker();
  await clock.advance(TIMEOUT_MS - 1);
  look();
  await clock.advance(TIMEOUT_MS - 1);
  expect(liveness.stuck()).toBeUndefined();
  await clock.advance(1);
  expect(liveness.stuck()?.fields).toEqual(LOOP);
});

test('a job that hangs is stuck and named; the loop, which has no room for another, is not', async () => {
  const { clock, queue, door, liveness } = await worker();
  await clock.advance(TIMEOUT_MS / 2);
  await queue.enqueue([mergeJob(1)]);
  await settle();
  await clock.advance(TIMEOUT_MS - 1);
  expect(liveness.stuck()).toBeUndefined();
  await clock.advance(1);
  expect(liveness.stuck()?.fields).toEqual(MERGE);
  door.open();
  await clock.advance(0);
  // The job has failed, and the loop has room again since now.
  expect(liveness.stuck()).toBeUndefined();
  await clock.advance(TIMEOUT_MS);
  expect(liveness.stuck()?.fields).toEqual(LOOP);
  await queue.close();
});

test('what a job does is a sign of life: each call of the store, before and after, and its progress', async () => {
  const signs: string[] = [];
  const life = { beat: () => void signs.push('beat'), end() {} };
  const memory = memoryStorage('memory:table', fakeClock(0));
  const storage = livingStorage(
    {
      ...memory,
      async get(key, range) {
        signs.push('get');
        return memory.get(key, range);
      },
    },
    life,
  );
  await storage.get('a');
  expect(signs.splice(0)).toEqual(['beat', 'get', 'beat']);
  await storage.put('a', Buffer.from('x'));
  for await (const _ of storage.list('')) signs.push('object');
  expect(signs.splice(0)).toEqual(['beat', 'beat', 'beat', 'beat', 'object', 'beat', 'beat']);
  const delivery = { job: mergeJob(1), attempt: 1, signal: new AbortController().signal };
  await livingDelivery({ ...delivery, progress: async () => void signs.push('told') }, life).progress({
    done: 1,
    bytes: 1,
  });
  expect(signs).toEqual(['beat', 'told']);
});

test('a queue in the same process has no loop: its worker is not stuck while there is no job, a job that hangs is', async () => {
  const clock = fakeClock(0);
  const liveness = createLiveness(clock, TIMEOUT_MS);
  const watch = watchWorker(liveness, 2, true);
  watch.looked();
  await clock.advance(10 * TIMEOUT_MS);
  expect(liveness.stuck()).toBeUndefined();
  watch.begin(mergeJob(0));
  await clock.advance(TIMEOUT_MS);
  expect(liveness.stuck()?.fields).toMatchObject({ what: 'merge' });
});
