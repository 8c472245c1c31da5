import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Monitoring, monitoring } from './alerts-house.ts';
import { blackHole } from './black-hole.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { canConfine, confined, seenBy } from './confined.ts';

const SLOW_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'mongolake-confined-'));
const confinement = { disk: folder, memoryLimit: join(folder, 'limit') };
/** Less than Node alone takes. */
writeFileSync(confinement.memoryLimit, '50000000');

describeWith(['prometheus', 'redis'], 'alerts of processes, each by its fault', ({ redis }) => {
  let monitor: Monitoring;
  let space: Workspace;
  const config = (more: object) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    queue: { kind: 'redis', url: redis.url, prefix: redis.prefix },
    coordinator: { listen: '127.0.0.1:0' },
    worker: { listen: '127.0.0.1:0', scratch: folder },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['guests'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
    ...more,
  });
  beforeAll(async () => {
    monitor = await monitoring('0s');
    space = workspace({ version: 1 });
  });
  afterAll(async () => {
    await space.close();
    await monitor.prometheus.stop();
    rmSync(folder, { recursive: true });
  });

  it('a coordinator whose run hangs in its source is stuck', { timeout: SLOW_MS }, async () => {
    const hole = await blackHole();
    const uri = `mongodb://127.0.0.1:${hole.port}/`;
    space.configure(
      config({
        connections: { guest: { kind: 'mongodb', uri, serverSelectionTimeout: '5m' } },
        coordinator: { listen: '127.0.0.1:0', drainTimeout: '0s', stuckTimeout: '1s' },
      }),
    );
    const coordinator = space.start('coordinator');
    await monitor.watch('coordinator', coordinator);
    const { labels, annotations } = await monitor.fires('MongolakeStuck', { job: 'coordinator' });
    expect(annotations.summary).toBe(`${labels.instance} makes no progress`);
    expect(await coordinator.end('SIGTERM')).toBe(0);
    await hole.close();
    await monitor.ends('MongolakeStuck');
  });

  it('a worker whose event loop gets little time', { timeout: SLOW_MS }, async () => {
    space.configure(config({}));
    const worker = space.start('worker');
    await monitor.watch('worker', worker);
    const end = stutter(worker);
    try {
      await monitor.fires('MongolakeEventLoopSlow', { job: 'worker' });
    } finally {
      end();
    }
    await monitor.ends('MongolakeEventLoopSlow');
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('a webhook that is gone', { timeout: SLOW_MS }, async () => {
    const receiver = createServer((request, response) => {
      request.resume();
      response.writeHead(410).end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    // Its dump is not there, so its run fails.
    space.configure(config({ notify: [{ url: `http://127.0.0.1:${port}/hook` }], defaults: { schedule: '1s' } }));
    const coordinator = space.start('coordinator');
    await monitor.watch('coordinator', coordinator);
    await monitor.fires('MongolakeNotificationsFailing', { job: 'coordinator', event: 'failed' });
    expect(await coordinator.end('SIGTERM')).toBe(0);
    await new Promise((resolve) => receiver.close(resolve));
  });

  // Elsewhere it takes root, to mount.
  it.skipIf(!canConfine(confinement))(
    'a worker that is near its memory limit, and whose scratch fills',
    { timeout: SLOW_MS },
    async () => {
      space.configure(config({}));
      // Node would make its heap small for the limit that it is told.
      const worker = space.startBy(
        [...confined(confinement), 'env', 'NODE_OPTIONS=--max-old-space-size=512'],
        'worker',
      );
      await monitor.watch('worker', worker);
      const { annotations } = await monitor.fires('MongolakeWorkerMemoryHigh', { job: 'worker' });
      expect(annotations.description).toMatch(/has \d+(?:\.\d+)?% of the memory/);
      await monitor.ends('MongolakeScratchLow');
      const filler = seenBy(worker.child.pid, join(folder, 'filler'));
      writeFileSync(filler, Buffer.alloc(15_500_000));
      await monitor.fires('MongolakeScratchLow', { job: 'worker' });
      rmSync(filler);
      await monitor.ends('MongolakeScratchLow');
      expect(await worker.end('SIGTERM')).toBe(0);
    },
  );
});

/** Stops a process for most of each second, until it is told to end. */
function stutter({ child }: Running): () => void {
  let stopped = false;
  const timer = setInterval(() => {
    stopped = !stopped;
    child.kill(stopped ? 'SIGSTOP' : 'SIGCONT');
  }, 600);
  return () => {
    clearInterval(timer);
    child.kill('SIGCONT');
  };
}
