import { Queue as BullQueue } from 'bullmq';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';
import { QUEUE_NAME } from '../../src/shared/adapters/queue-bullmq-backend.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { gate, mergeJob } from '../contracts/queue-contract-helpers.ts';
import { describeWith } from '../services/context.ts';
import type { ApiObject } from '../services/kube/client.ts';
import { type Keda, startKeda } from '../services/kube/controllers.ts';
import { addCustomResources } from '../services/kube-api.ts';
import { readTable } from '../services/readers/read.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Kubelet } from './kubelet.ts';

const DOCS = 2000;
const PREFIX = '{mongolake}';
const COOLDOWN_S = 30;
/** KEDA asks every second, the autoscaler every 5 s, and the machine does other things too. */
const SOON = { timeout: 180_000, interval: 200 };
const SLOW_MS = 600_000;

interface ScaledNow extends ApiObject {
  readonly status?: { readonly lastActiveTime?: string };
}

const NEEDS = ['kubernetes', 'cluster', 'keda', 'redis', 's3', 'mongodb', 'readers'] as const;

describeWith(NEEDS, 'workers of the chart under KEDA itself', ({ cluster, keda, s3, mongodb }) => {
  let fleet: Fleet;
  let kubelet: Kubelet;
  let operator: Keda;
  let queue: Queue;
  const values = () => ({
    ...fleet.values,
    // The coordinator itself has nothing to do, so that it is known which jobs there are.
    config: { ...fleet.values.config, defaults: { partitions: 4, schedule: 'none' } },
    keda: {
      enabled: true,
      pollingIntervalSeconds: 1,
      cooldownPeriodSeconds: COOLDOWN_S,
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  });
  const wanted = async () => (await fleet.deployment('worker')).spec.replicas;
  const workers = () => kubelet.running().filter((name) => name.includes('-worker-'));
  const becomes = (count: number) =>
    vi.waitFor(async () => {
      const { metadata, spec, status } = await fleet.deployment('worker');
      expect({ wanted: spec.replicas, there: status.replicas ?? 0, run: workers().length }).toEqual({
        wanted: count,
        there: count,
        run: count,
      });
      expect(status.observedGeneration).toBe(metadata.generation);
    }, SOON);
  const scaled = '/apis/keda.sh/v1alpha1/namespaces/lake/scaledobjects/guest-mongolake-worker';
  const activeAt = async () => {
    const { status } = await fleet.api.client.request<ScaledNow>('GET', scaled);
    return Date.parse(status?.lastActiveTime ?? '') || 0;
  };
  beforeAll(async () => {
    fleet = await startFleet(cluster.folder, { s3, mongodb }, DOCS);
    await addCustomResources(fleet.api, cluster.customResources, 'keda.sh_');
    await addCustomResources(fleet.api, cluster.customResources, 'eventing.keda.sh_');
    operator = await startKeda(fleet.api, keda.folder);
    kubelet = fleet.run('coordinator', 'worker', 'backfill');
    const { url } = fleet.redis;
    queue = bullmqQueue({ url, prefix: PREFIX, clock: systemClock(), onError: () => {} });
  }, SLOW_MS);
  afterAll(async () => {
    await queue?.close();
    await operator?.stop();
    await fleet?.stop();
  });

  it('are gone while there is nothing to do', { timeout: SLOW_MS }, async () => {
    await fleet.release.install(values());
    await becomes(0);
    await vi.waitFor(() => expect(kubelet.running()).toHaveLength(1), SOON);
  });

  it('come for a backfill that was queued while there was none, do it, and go', { timeout: SLOW_MS }, async () => {
    const before = kubelet.history.length;
    await fleet.release.upgrade({ ...values(), backfill: { enabled: true, target: 'guest.notifications' } });
    await vi.waitFor(() => expect(kubelet.ended.some(({ name }) => name.includes('-backfill-'))).toBe(true), SOON);
    expect(kubelet.ended.find(({ name }) => name.includes('-backfill-'))).toMatchObject({ asked: false, code: 0 });
    const order = kubelet.history.slice(before).map((line) => line.replace(/^(\w+) guest-mongolake-(\w+)-.*/, '$1 $2'));
    expect(order.slice(0, 2)).toEqual(['started backfill', 'started worker']);
    const rows = await readTable('duckdb', `s3://${s3.bucket}/lake/notifications`, { columns: ['_id'], s3 });
    expect(rows).toHaveLength(DOCS);
    await becomes(0);
    expect(await queue.depth()).toMatchObject({ waiting: 0, prioritized: 0, active: 0, failed: 0 });
  });

  it('are as many as there are jobs, stay for the last that runs, and go after it', { timeout: SLOW_MS }, async () => {
    const gates = new Map([1, 2, 3].map((number) => [mergeJob(number).id, gate()]));
    // Held by this process: the workers find nothing to do.
    const consumer = await queue.consume(async ({ job }) => gates.get(job.id)?.opened, { concurrency: 3 });
    await queue.enqueue([mergeJob(1), mergeJob(2, 4), mergeJob(3, 5)]);
    await becomes(3);
    expect(await queue.depth()).toMatchObject({ waiting: 0, prioritized: 0, active: 3 });
    const [last, ...others] = [...gates.values()];
    for (const one of others) one.open();
    await becomes(1);
    const from = await activeAt();
    await vi.waitFor(
      async () => {
        expect(await wanted()).toBe(1);
        expect(await activeAt()).toBeGreaterThan(from + (COOLDOWN_S + 10) * 1000);
      },
      { ...SOON, interval: 1000 },
    );
    expect(kubelet.history.at(-1)).toMatch(/^ended/);
    expect(workers()).toHaveLength(1);
    last?.open();
    await becomes(0);
    await consumer.stop();
  });

  it('stay for a paused queue, unless the ScaledObject is paused at none', { timeout: SLOW_MS }, async () => {
    const bull = new BullQueue(QUEUE_NAME, { connection: { url: fleet.redis.url }, prefix: PREFIX });
    await bull.pause();
    await queue.enqueue([mergeJob(4)]);
    await becomes(1);
    const annotate = (value: string | null) => {
      const annotations = { 'autoscaling.keda.sh/paused-replicas': value };
      return fleet.api.client.request('PATCH', scaled, { metadata: { annotations } });
    };
    await annotate('0');
    await becomes(0);
    expect(await queue.depth()).toMatchObject({ waiting: 1, active: 0 });
    await annotate(null);
    await becomes(1);
    await queue.forget([mergeJob(4).id]);
    await bull.resume();
    await bull.close();
    await becomes(0);
  });

  it('have all ended at SIGTERM, by themselves once they were ready, and none had to be killed', () => {
    const ended = kubelet.ended.filter(({ name }) => name.includes('-worker-'));
    expect(ended.length).toBeGreaterThanOrEqual(6);
    expect(ended.filter(({ asked, signal }) => !asked || signal === 'SIGKILL')).toEqual([]);
    expect(ended.filter(({ wasReady, code }) => wasReady && code !== 0)).toEqual([]);
    expect(kubelet.troubles).toEqual([]);
  });
});
