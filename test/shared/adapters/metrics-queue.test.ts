import { describe, expect, test } from 'vitest';
import { queueMetrics, queueProbe } from '../../../src/shared/adapters/metrics-queue.ts';
import { type MetricsRegistry, metricsRegistry } from '../../../src/shared/adapters/metrics-registry.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { QueueDepth } from '../../../src/shared/ports/queue.ts';
import { fakeClock, settle } from '../../coordinator/fake-clock.ts';
import { parseExposition, sampleOf } from './exposition.ts';

const DEPTH: QueueDepth = { waiting: 1, prioritized: 2, active: 3, delayed: 4, failed: 5 };

async function scrape({ registry }: MetricsRegistry) {
  return parseExposition(await registry.metrics());
}

async function withQueue(depth: () => Promise<QueueDepth>) {
  const into = await metricsRegistry();
  queueMetrics(into, queueProbe({ depth }, fakeClock(0)));
  return into;
}

describe('the queue', () => {
  test('its depth by state', async () => {
    const into = await withQueue(async () => DEPTH);
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_queue_up')).toBe(1);
    for (const [state, jobs] of Object.entries(DEPTH))
      expect(sampleOf(families, 'mongolake_queue_jobs', { state })).toBe(jobs);
  });

  test('down: says so, tells no depth, and the rest is served', async () => {
    const into = await withQueue(() => Promise.reject(new MongolakeError('QUEUE_UNREACHABLE', 'away')));
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_queue_up')).toBe(0);
    expect(families.get('mongolake_queue_jobs')?.samples).toEqual([]);
    expect(families.get('process_resident_memory_bytes')?.samples).toHaveLength(1);
  });

  test('goes down after it was up: the depth of before is gone', async () => {
    const clock = fakeClock(0);
    const into = await metricsRegistry();
    let up = true;
    const depth = async () => {
      if (!up) throw new MongolakeError('QUEUE_UNREACHABLE', 'away');
      return DEPTH;
    };
    queueMetrics(into, queueProbe({ depth }, clock));
    await scrape(into);
    up = false;
    await clock.advance(2000);
    expect((await scrape(into)).get('mongolake_queue_jobs')?.samples).toEqual([]);
  });

  test('is asked once for all who ask within a moment, and again after it', async () => {
    const clock = fakeClock(0);
    let asked = 0;
    const probe = queueProbe(
      {
        depth: async () => {
          asked++;
          return DEPTH;
        },
      },
      clock,
    );
    await Promise.all([probe(), probe()]);
    await clock.advance(1000);
    await probe();
    expect(asked).toBe(1);
    await clock.advance(1000);
    await probe();
    expect(asked).toBe(2);
  });

  test('that never answers counts as down after 2 s', async () => {
    const clock = fakeClock(0);
    const probe = queueProbe({ depth: () => new Promise(() => {}) }, clock);
    const answer = probe();
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    await clock.advance(1999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await settle();
    expect(await answer).toEqual({ up: false, code: 'QUEUE_UNREACHABLE' });
  });
});
