import { setTimeout as later } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type Lake, loadTemplate, openLake } from './lake.ts';
import { type ChaosTable, chaosTable } from './table.ts';

/** The longest outage is for `npm run test:long`. */
const OUTAGES_S = process.env.MONGOLAKE_TEST_CHAOS_ROUNDS === undefined ? [5, 20] : [5, 20, 60];
/** Many small merge jobs, one after the other: there is a middle to be hit. */
const PARTITIONS = 32;

describeWith(['redis', 's3', 'mongodb', 'readers'], 'Redis goes away in the middle of a merge phase', (services) => {
  let lake: Lake;
  let table: ChaosTable | undefined;
  let redis: RedisServer | undefined;
  beforeAll(async () => {
    lake = await openLake(services);
    await loadTemplate(lake);
  });
  afterEach(async () => {
    await table?.close();
    await redis?.stop();
  });
  afterAll(() => lake.close());

  /** A first load with a Redis of its own, of whose merges some are done and some are not; then the given happens. */
  const inTheMiddle = async (name: string, happens: (server: RedisServer) => Promise<void>) => {
    const server = required(await startRedis());
    redis = server;
    // The lease is not what this is about: no slow machine is to take it away.
    const defaults = { partitions: PARTITIONS, leaseTtl: '20s' };
    const opened = chaosTable(lake, name, { url: server.url, defaults });
    table = opened;
    const worker = opened.start(undefined, '--log-level', 'debug', 'worker', '--concurrency', '1');
    await worker.line('worker started');
    const sync = opened.start(undefined, '--json', '--log-level', 'info', 'sync');
    await worker.line('merge done');
    await happens(server);
    // Else it was not the middle.
    expect(worker.lines.filter((line) => line.includes('merge done')).length).toBeLessThan(PARTITIONS);
    expect(await sync.line('"status":')).toContain('"status":"committed"');
    expect(await sync.ended).toEqual({ code: 0, signal: null });
    await opened.expectRight();
    expect(await opened.vacuumed()).toEqual(await opened.orphans());
    expect(await worker.end('SIGTERM')).toBe(0);
    return worker;
  };
  const flushAll = async ({ url }: RedisServer) => {
    const client = new Redis(url);
    await client.flushall();
    client.disconnect();
  };

  it.each(OUTAGES_S)('hangs for %i s: the run finishes without help', async (seconds) => {
    await inTheMiddle(`hangs-${seconds}`, async ({ pid }) => {
      process.kill(pid, 'SIGSTOP');
      // The outage itself: nothing is waited for.
      await later(seconds * 1000);
      process.kill(pid, 'SIGCONT');
    });
  });

  it('is shut down for 5 s and comes back with its data', async () => {
    await inTheMiddle('restarted', async (server) => {
      await server.kill();
      await later(5000);
      redis = required(await startRedis({ port: server.port, dir: server.dir }));
    });
  });

  it('is killed and comes back empty', async () => {
    await inTheMiddle('killed', async (server) => {
      await server.kill();
      redis = required(await startRedis({ port: server.port }));
    });
  });

  it('FLUSHALL: the run finishes without help', async () => {
    await inTheMiddle('flushed', flushAll);
  });

  it('FLUSHALL, and everyone is dead too: the next one finishes the run from the store alone', async () => {
    const server = required(await startRedis());
    redis = server;
    await lake.begin('emptied');
    const opened = chaosTable(lake, 'emptied', { url: server.url });
    table = opened;
    const worker = await opened.worker();
    await opened.dies('merge-enqueued', 'sync');
    await worker.end('SIGKILL');
    await flushAll(server);
    await opened.worker();
    expect(await opened.untilDone('sync')).toMatchObject({ status: 'committed', recovered: [expect.any(String)] });
    await opened.expectRight();
    expect(await opened.staged()).toEqual([]);
  });
});
