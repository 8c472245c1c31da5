import { expect, test } from 'vitest';
import { type DispatchContext, dispatch } from '../../src/coordinator/dispatch.ts';
import { localQueue } from '../../src/shared/adapters/queue-local.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { jsonBody } from '../../src/shared/documents.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { type Job, jobId } from '../../src/shared/domain/job.ts';
import { receiptKey } from '../../src/shared/domain/keys.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { fakeClock, settle } from './fake-clock.ts';

const STALL_MS = 60_000;

function job(partition: number): Job {
  const place = { pipeline: 'guest', collection: 'notifications', run: 'r1', priority: 1 };
  return { ...place, id: jobId('r1', 'merge', partition), kind: 'merge', partition };
}

/** A stage of two jobs in dispatch, and a queue that the test takes away and gives back. */
function stage(failure = new MongolakeError('QUEUE_UNREACHABLE', 'Redis went away')) {
  const clock = fakeClock(0);
  const storage = memoryStorage('memory:table', clock);
  const real = localQueue(clock);
  const stop = new AbortController();
  const lines: string[] = [];
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug() {},
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: () => logger,
  };
  let up = true;
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
    logger,
    signal: stop.signal,
    onProgress() {},
    stallTimeoutMs: STALL_MS,
  };
  const receipt = (partition: number) => jsonBody({ partition, attempt: `a${partition}` });
  return {
    clock,
    lines,
    stop,
    questions: () => questions,
    start: () => dispatch<{ partition: number }>('merge', [job(1), job(2)], context),
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
