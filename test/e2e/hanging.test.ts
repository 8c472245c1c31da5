import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BlackHole, blackHole } from './black-hole.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { servedBy } from './served.ts';

const TABLE = 'guest.notifications';
/** More than a test takes: what ends before it has not waited for it. */
const LONG = '60s';
const LONG_MS = 60_000;

describe('a run whose source or store never answers', () => {
  let space: Workspace;
  let hole: BlackHole;
  let tables = 0;
  const leaseFile = () => `${space.folder}/lake-${tables}/notifications/_mongolake/lease.json`;
  const lease = () => JSON.parse(readFileSync(leaseFile(), 'utf8')) as { readonly state: string };
  const config = (coordinator: object, table: object) => ({
    version: 1,
    connections: {
      guest: { kind: 'mongodb', uri: `mongodb://127.0.0.1:${hole.port}/`, serverSelectionTimeout: LONG },
      lake: {
        kind: 's3',
        region: 'us-east-1',
        endpoint: `http://127.0.0.1:${hole.port}`,
        forcePathStyle: true,
        credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
      },
    },
    defaults: { schedule: '1s' },
    coordinator: { listen: '127.0.0.1:0', ...coordinator },
    pipelines: {
      guest: { source: { connection: 'guest', database: 'guest', collections: ['notifications'] }, table },
    },
  });
  /** The source hangs, in a table of its own in a local folder. */
  const sourceHangs = (coordinator: object) => {
    tables++;
    space.configure(config(coordinator, { uri: `file:./lake-${tables}/{collection}` }));
  };
  const storeHangs = (coordinator: object) =>
    space.configure(config(coordinator, { connection: 'lake', uri: 's3://lake/{collection}' }));
  const start = (command: string) => space.start('--log-level', 'debug', '--log-format', 'json', command);
  /** Waits until the run hangs in the source, which it asks once it has the lease. */
  const inTheMiddle = () =>
    vi.waitUntil(() => existsSync(leaseFile()) && hole.connections() > 0, { timeout: 60_000, interval: 10 });
  const timed = async (process: Running, signal: NodeJS.Signals) => {
    const told = performance.now();
    return { code: await process.end(signal), ms: performance.now() - told };
  };
  beforeAll(() => {
    space = workspace({ version: 1 });
  });
  beforeEach(async () => {
    hole = await blackHole();
    return () => hole.close();
  });
  afterAll(() => space.close());

  it.each(['sync', 'backfill'])(
    'SIGTERM ends `%s` by the drain timeout with 130, and the lease is given back',
    async (command) => {
      sourceHangs({ drainTimeout: '1s' });
      const run = start(command);
      await inTheMiddle();
      expect(lease().state).toBe('held');
      const { code, ms } = await timed(run, 'SIGTERM');
      expect(code).toBe(130);
      expect(ms).toBeLessThan(LONG_MS / 3);
      expect(run.lines.filter((line) => line.includes('a call that does not answer is given up'))).toHaveLength(1);
      expect(run.lines.some((line) => line.includes('INTERRUPTED'))).toBe(true);
      expect(lease().state).toBe('released');
    },
  );

  it('SIGTERM ends a `coordinator` too, with 0; a source that hangs holds up neither probe nor end', async () => {
    sourceHangs({ drainTimeout: '1s' });
    const coordinator = start('coordinator');
    await inTheMiddle();
    const health = await servedBy(coordinator);
    expect((await health.probe('/healthz')).status).toBe(200);
    const { code, ms } = await timed(coordinator, 'SIGTERM');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(LONG_MS / 3);
    expect(lease().state).toBe('released');
  });

  it.each(['sync', 'coordinator'])('where the store hangs, `%s` ends as well', async (command) => {
    storeHangs({ drainTimeout: '1s' });
    const run = start(command);
    await vi.waitUntil(() => hole.connections() > 0, { timeout: 60_000, interval: 10 });
    const { code, ms } = await timed(run, 'SIGTERM');
    expect(code).toBe(command === 'sync' ? 130 : 0);
    expect(ms).toBeLessThan(LONG_MS / 3);
  });

  it.each(['sync', 'coordinator'])('a second SIGTERM ends `%s` at once, with 130', async (command) => {
    sourceHangs({ drainTimeout: LONG });
    const run = start(command);
    await inTheMiddle();
    run.child.kill('SIGTERM');
    await run.line('once more to stop at once');
    const { code, ms } = await timed(run, 'SIGTERM');
    expect(code).toBe(130);
    expect(ms).toBeLessThan(LONG_MS / 3);
    // Nobody gave it back: it expires.
    expect(lease().state).toBe('held');
  });

  it('/healthz of a coordinator names the table whose run makes no progress, the stage and the call', async () => {
    sourceHangs({ drainTimeout: '0s', stuckTimeout: '2s' });
    const coordinator = start('coordinator');
    const health = await servedBy(coordinator);
    await health.becomes('/healthz', 503, {
      status: 'stuck',
      what: 'run',
      table: TABLE,
      stage: 'window',
      call: 'source clock',
      silentSeconds: expect.any(Number),
    });
    await coordinator.line('no progress: /healthz says so');
    expect((await health.probe('/readyz')).status).toBe(200);
    expect(await coordinator.end('SIGTERM')).toBe(0);
  });
});
