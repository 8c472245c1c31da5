import { afterEach, expect, test } from 'vitest';
import { listenOf } from '../../src/cli/listen.ts';
import { firstStuck, heartbeat, livenessVerdict, type Observation, observe } from '../../src/cli/observe.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { createLiveness } from '../../src/shared/liveness.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { fakeClock } from '../coordinator/fake-clock.ts';

const open: Observation[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

const STUCK_TIMEOUT_MS = 120_000;

/** An observed process with a queue that the test takes away and gives back. */
async function process() {
  const clock = fakeClock(0);
  const stop = new AbortController();
  const lines: string[] = [];
  const info = (line: string) => void lines.push(line);
  const logger = { debug: info, info, warn: info, error: info, child: () => logger };
  let up = true;
  const depth: Queue['depth'] = async () => {
    if (!up) throw new MongolakeError('QUEUE_UNREACHABLE', 'canary-4714 is away');
    return { waiting: 0, prioritized: 0, active: 0, delayed: 0, failed: 0 };
  };
  const heart = heartbeat(clock);
  const liveness = createLiveness(clock, STUCK_TIMEOUT_MS);
  const observation = await observe(
    { clock, logger, signal: stop.signal },
    {
      listen: { host: '127.0.0.1', port: 0 },
      origin: '--listen',
      queue: { depth } as Queue,
      live: firstStuck(heart.live, () => livenessVerdict(liveness)),
      register() {},
    },
  );
  if (observation === undefined) throw new Error('nothing is served');
  open.push(observation);
  const url = /metrics at (http:\/\/127\.0\.0\.1:\d+)\/metrics/.exec(lines[0] ?? '')?.[1];
  return {
    clock,
    heart,
    liveness,
    lines,
    observation,
    drain: () => stop.abort(),
    setUp: (value: boolean) => {
      up = value;
    },
    async get(path: string) {
      const answer = await fetch(`${url}${path}`);
      return [answer.status, await answer.json()];
    },
  };
}

test('readiness: starting, ready, the queue away, back, draining', async () => {
  const { clock, observation, drain, setUp, get } = await process();
  expect(await get('/readyz')).toEqual([503, { status: 'starting' }]);
  observation.started();
  expect(await get('/readyz')).toEqual([200, { status: 'ready' }]);
  setUp(false);
  await clock.advance(2000);
  expect(await get('/readyz')).toEqual([503, { status: 'unavailable', code: 'QUEUE_UNREACHABLE' }]);
  setUp(true);
  await clock.advance(2000);
  expect(await get('/readyz')).toEqual([200, { status: 'ready' }]);
  drain();
  expect(await get('/readyz')).toEqual([503, { status: 'draining' }]);
});

test('the reason is told before the start too', async () => {
  const { setUp, get } = await process();
  setUp(false);
  expect(await get('/readyz')).toEqual([503, { status: 'unavailable', code: 'QUEUE_UNREACHABLE' }]);
});

test('liveness: while the loop beats, whatever the queue does; and while it drains', async () => {
  const { clock, heart, drain, setUp, get } = await process();
  setUp(false);
  await clock.advance(59_000);
  expect(await get('/healthz')).toEqual([200, { status: 'ok', silentSeconds: 59 }]);
  await clock.advance(1000);
  expect(await get('/healthz')).toEqual([503, { status: 'stuck', silentSeconds: 60 }]);
  heart.beat();
  expect(await get('/healthz')).toEqual([200, { status: 'ok', silentSeconds: 0 }]);
  await clock.advance(90_000);
  drain();
  expect(await get('/healthz')).toEqual([200, { status: 'draining' }]);
});

test('liveness: what the process works on, by name; the log says it once each time', async () => {
  const { clock, heart, liveness, lines, get } = await process();
  const life = liveness.begin({ what: 'run', table: 'guest.notifications', stage: 'merge' });
  const stuck = { status: 'stuck', what: 'run', table: 'guest.notifications', stage: 'merge', silentSeconds: 120 };
  await clock.advance(STUCK_TIMEOUT_MS);
  heart.beat();
  expect(await get('/healthz')).toEqual([503, stuck]);
  expect(await get('/healthz')).toEqual([503, stuck]);
  expect(lines.filter((line) => line.includes('no progress'))).toHaveLength(1);
  life.beat();
  expect(await get('/healthz')).toEqual([200, { status: 'ok', silentSeconds: 0 }]);
  await clock.advance(STUCK_TIMEOUT_MS);
  heart.beat();
  expect((await get('/healthz'))[0]).toBe(503);
  expect(lines.filter((line) => line.includes('no progress'))).toHaveLength(2);
});

test('the option goes before the configuration, and each is named', () => {
  const configured = { host: '0.0.0.0', port: 9464 };
  expect(listenOf(undefined, undefined, 'f: worker.listen').listen).toBeUndefined();
  expect(listenOf(undefined, configured, 'f: worker.listen')).toEqual({
    listen: configured,
    origin: 'f: worker.listen',
  });
  expect(listenOf('[::1]:0', configured, 'f: worker.listen')).toEqual({
    listen: { host: '::1', port: 0 },
    origin: '--listen',
  });
  expect(() => listenOf('9464', configured, 'f: worker.listen')).toThrow(/--listen/);
});
