import { describe, expect, test } from 'vitest';
import { type DispatchContext, dispatch } from '../../src/coordinator/dispatch.ts';
import { localQueue } from '../../src/shared/adapters/queue-local.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { jsonBody } from '../../src/shared/documents.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { type Job, jobId } from '../../src/shared/domain/job.ts';
import { receiptKey } from '../../src/shared/domain/keys.ts';
import type { MergeReceipt } from '../../src/shared/domain/receipt.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { fakeClock, settle } from './fake-clock.ts';

const STALL_MS = 60_000;

function job(partition: number): Job {
  const place = { pipeline: 'guest', collection: 'notifications', run: 'r1', priority: 1 };
  return { ...place, id: jobId('r1', 'merge', partition), kind: 'merge', partition };
}

/** Those of the jobs that the queue has. */
async function knownTo(queue: Queue, jobs: readonly Job[]): Promise<readonly Job[]> {
  const states = await queue.states(jobs.map(({ id }) => id));
  return jobs.filter((_, index) => states[index]?.state !== 'unknown');
}

/** A log whose lines are kept, but for those of level debug. */
function writingTo(lines: string[]): Logger {
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug() {},
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: () => logger,
  };
  return logger;
}

/** A stage of two jobs in dispatch (or of others), and a queue that the test takes away and gives back. */
function stage(failure = new MongolakeError('QUEUE_UNREACHABLE', 'Redis went away'), jobs = [job(1), job(2)]) {
  const clock = fakeClock(0);
  const storage = memoryStorage('memory:table', clock);
  const real = localQueue(clock);
  const stop = new AbortController();
  const lines: string[] = [];
  const told: number[][] = [];
  let up = true;
  let again = 0;
  let questions = 0;
  const reached = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return async (...args: A) => {
      questions++;
      if (!up) throw failure;
      return call(...args);
    };
  };
  const queue: Queue = {
    ...real,
    enqueue: reached(real.enqueue),
    states: reached(real.states),
    forget: reached(real.forget),
    depth: reached(real.depth),
  };
  const context: DispatchContext = {
    storage,
    queue,
    clock,
    logger: writingTo(lines),
    signal: stop.signal,
    onProgress: (done, { documents, bytes }) => void told.push([done, documents, bytes]),
    stallTimeoutMs: STALL_MS,
    observer: {
      leaseHeld() {},
      enqueuedAgain(jobs) {
        again += jobs;
      },
    },
  };
  const receipt = (partition: number) =>
    jsonBody({ kind: 'merge', partition, attempt: `a${partition}`, counts: { read: 10 }, bytesWritten: 100 });
  return {
    clock,
    lines,
    /** Jobs done, documents and bytes of the last look. */
    told: () => told.at(-1),
    stop,
    questions: () => questions,
    /** Jobs that were enqueued again. */
    again: () => again,
    start: (atOnce?: number) => dispatch<MergeReceipt>('merge', jobs, context, atOnce),
    enqueued: () => knownTo(real, jobs),
    /** What a queue does that lost everything. */
    flush: () => real.forget(jobs.map(({ id }) => id)),
    setUp(value: boolean) {
      up = value;
    },
    /** What a worker leaves in the end. */
    finish: (partition: number) =>
      storage.putIfAbsent(receiptKey('r1', 'merge', partition), receipt(partition), `a${partition}`),
    work: () => real.consume(async (delivery) => void (await finishJob(delivery.job)), { concurrency: 1 }),
    close: () => real.close(),
  };
  async function finishJob(taken: Job): Promise<void> {
    const partition = taken.kind === 'merge' ? taken.partition : taken.ordinal;
    await storage.putIfAbsent(receiptKey('r1', 'merge', partition), receipt(partition), `a${partition}`);
  }
}

test('a queue that goes away in the middle: receipts go on counting, and the log says so once, and once that it is back', async () => {
  const { clock, lines, start, setUp, finish } = stage();
  const done = start();
  await clock.advance(3_000);
  setUp(false);
  await clock.advance(20_000);
  await finish(1);
  await clock.advance(20_000);
  setUp(true);
  await clock.advance(2_000);
  expect(lines).toEqual([
    'warn the queue is away; the run waits for it and goes on looking for receipts',
    'info the queue is back',
    expect.stringContaining('warn no worker has taken a job'),
  ]);
  await finish(2);
  await clock.advance(1_000);
  expect(await done).toMatchObject([{ partition: 1 }, { partition: 2 }]);
});

test('what is told is the work of the jobs that are done, too', async () => {
  const { clock, start, finish, told } = stage();
  const done = start();
  await clock.advance(1_000);
  expect(told()).toEqual([0, 0, 0]);
  await finish(2);
  await clock.advance(1_000);
  expect(told()).toEqual([1, 10, 100]);
  await finish(1);
  await clock.advance(1_000);
  expect(told()).toEqual([2, 20, 200]);
  expect(await done).toHaveLength(2);
});

test('the last receipt ends the stage also while the queue is away', async () => {
  const { clock, start, setUp, finish } = stage();
  setUp(false);
  const done = start();
  await clock.advance(5_000);
  await finish(1);
  await finish(2);
  await clock.advance(1_000);
  expect(await done).toHaveLength(2);
});

test('jobs that could not be enqueued are, when the queue is back', async () => {
  const { clock, start, setUp, work, close } = stage();
  setUp(false);
  const done = start();
  await work();
  await clock.advance(STALL_MS / 2);
  setUp(true);
  await clock.advance(2_000);
  expect(await done).toHaveLength(2);
  await close();
});

test('it is given up once nothing has moved for too long, with the queue as the reason; a receipt counts as moved', async () => {
  const { clock, start, setUp, finish } = stage();
  const ended = start().catch((error: unknown) => error);
  setUp(false);
  await clock.advance(STALL_MS - 5_000);
  await finish(1);
  await clock.advance(STALL_MS - 5_000);
  let settled = false;
  void ended.then(() => {
    settled = true;
  });
  await settle();
  expect(settled).toBe(false);
  await clock.advance(10_000);
  expect(await ended).toMatchObject({
    code: 'RUN_STALLED',
    retryable: true,
    message: expect.stringMatching(/^1 merge jobs wait and nothing has moved for \d+ s: Redis went away$/),
    cause: { code: 'QUEUE_UNREACHABLE' },
  });
});

test('being told to stop ends it at the next look, also while the queue is away', async () => {
  const { clock, start, setUp, stop } = stage();
  setUp(false);
  const ended = start().catch((error: unknown) => error);
  await clock.advance(5_000);
  const reason = new MongolakeError('INTERRUPTED', 'stopped');
  stop.abort(reason);
  await clock.advance(1_000);
  expect(await ended).toBe(reason);
});

test('a refusal is not an outage: it ends the run at once', async () => {
  const refused = new MongolakeError('QUEUE_REFUSED', 'NOPERM');
  const { clock, start, setUp, questions } = stage(refused);
  setUp(false);
  const ended = start().catch((error: unknown) => error);
  await clock.advance(0);
  expect(await ended).toBe(refused);
  // The enqueue, and taking back what it may have enqueued.
  expect(questions()).toBe(2);
});

describe('where only so many may be at work at once', () => {
  const jobs = [1, 2, 3, 4, 5].map(job);
  const limited = () => stage(undefined, jobs);

  test('the next one is enqueued when one has its receipt, whichever that is', async () => {
    const { clock, start, finish, enqueued } = limited();
    const done = start(2);
    await clock.advance(5_000);
    expect(await enqueued()).toEqual(jobs.slice(0, 2));
    await finish(2);
    await clock.advance(5_000);
    expect(await enqueued()).toEqual(jobs.slice(0, 3));
    for (const partition of [1, 3, 4, 5]) await finish(partition);
    await clock.advance(5_000);
    expect(await done).toHaveLength(5);
    expect(await enqueued()).toEqual(jobs.slice(0, 3));
  });

  test('no more are at work after another coordinator took over, also with what the first one left in the queue', async () => {
    const { clock, start, stop, finish, enqueued } = limited();
    const first = start(2).catch((error: unknown) => error);
    await clock.advance(2_000);
    await finish(1);
    await clock.advance(2_000);
    const second = start(2).catch((error: unknown) => error);
    await clock.advance(2_000);
    expect((await enqueued()).filter((one) => one !== jobs[0])).toEqual(jobs.slice(1, 3));
    stop.abort(new Error('enough'));
    await clock.advance(2_000);
    await Promise.all([first, second]);
  });

  test('jobs that the queue lost are enqueued again, and no others', async () => {
    const { clock, start, stop, enqueued, flush, again } = limited();
    const ended = start(2).catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(again()).toBe(0);
    await flush();
    expect(await enqueued()).toEqual([]);
    await clock.advance(2_000);
    expect(await enqueued()).toEqual(jobs.slice(0, 2));
    expect(again()).toBe(2);
    stop.abort(new Error('enough'));
    await clock.advance(2_000);
    await ended;
  });

  test('those that could not be enqueued are, when the queue is back', async () => {
    const { clock, start, stop, setUp, finish, enqueued } = limited();
    const ended = start(2).catch((error: unknown) => error);
    await clock.advance(2_000);
    setUp(false);
    await finish(1);
    await clock.advance(5_000);
    expect(await enqueued()).toEqual(jobs.slice(0, 2));
    setUp(true);
    await clock.advance(2_000);
    expect(await enqueued()).toEqual(jobs.slice(0, 3));
    stop.abort(new Error('enough'));
    await clock.advance(2_000);
    await ended;
  });

  test('they all come to their end', async () => {
    const { clock, start, work, close } = limited();
    const done = start(1);
    await work();
    await clock.advance(20_000);
    expect((await done).map(({ partition }) => partition)).toEqual([1, 2, 3, 4, 5]);
    await close();
  });
});
