import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Kubelet } from './kubelet.ts';

const DOCS = 2000;
const SOON = { timeout: 60_000, interval: 100 };

describeWith(
  ['kubernetes', 'cluster', 'redis', 's3', 'mongodb', 'readers'],
  'pods of the chart',
  ({ cluster, s3, mongodb }) => {
    let fleet: Fleet;
    let kubelet: Kubelet;
    const values = () => ({ ...fleet.values, keda: { enabled: false }, worker: { concurrency: 1, replicas: 2 } });
    const ready = (component: string, count: number) =>
      vi.waitFor(async () => expect((await fleet.deployment(component)).status.readyReplicas).toBe(count), SOON);
    const rows = () => readTable('duckdb', `s3://${s3.bucket}/lake/notifications`, { columns: ['_id'], s3 });
    beforeAll(async () => {
      fleet = await startFleet(cluster.folder, { s3, mongodb }, DOCS);
      kubelet = fleet.run('coordinator', 'worker');
    });
    afterAll(() => fleet?.stop());

    it('become ready and sync the table as soon as the chart is installed', async () => {
      await fleet.release.install(values());
      await ready('worker', 2);
      await ready('coordinator', 1);
      await vi.waitFor(async () => expect(await rows()).toHaveLength(DOCS), SOON);
      expect(kubelet.ended).toEqual([]);
    });

    it('are replaced for another configuration: the old ones drain, and the coordinator ends before its successor starts', async () => {
      const before = [...kubelet.running()];
      await fleet.release.upgrade({ ...values(), config: { ...fleet.values.config, log: { level: 'debug' } } });
      await vi.waitFor(() => expect(kubelet.ended.map(({ name }) => name).sort()).toEqual([...before].sort()), SOON);
      await ready('worker', 2);
      await ready('coordinator', 1);
      expect(kubelet.ended.map(({ asked, code }) => ({ asked, code }))).toEqual(
        before.map(() => ({ asked: true, code: 0 })),
      );
      expect(kubelet.running()).toHaveLength(3);
      const coordinators = kubelet.history.filter((line) => line.includes('-coordinator-'));
      expect(coordinators.map((line) => line.split(' ')[0])).toEqual(['started', 'ended', 'started']);
    });

    it('end with the release, and leave the table', async () => {
      await fleet.release.uninstall();
      await vi.waitFor(() => expect(kubelet.running()).toEqual([]), SOON);
      expect(kubelet.ended.every(({ asked, code }) => asked && code === 0)).toBe(true);
      expect(kubelet.troubles).toEqual([]);
      await vi.waitFor(async () => {
        const left = await fleet.api.client.inventory(fleet.release.namespace);
        expect(left.filter((name) => !name.startsWith('Secret/'))).toEqual([]);
      }, SOON);
      expect(await rows()).toHaveLength(DOCS);
    });
  },
);
