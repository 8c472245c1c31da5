import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Lake, openLake } from './lake.ts';
import { readLog } from './log.ts';
import { seededRandom } from './random.ts';
import { type ChaosTable, chaosTable, type Victim } from './table.ts';

const ROUNDS = Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);
const { MONGOLAKE_TEST_SEED: GIVEN_SEED = '20261201' } = process.env;
const SEED = GIVEN_SEED === 'random' ? Date.now() % 1e9 : Number(GIVEN_SEED);

/** In each of two tests. */
const TERMINATIONS = 10 * ROUNDS;
const WORKERS = 3;
const PARTITIONS = 16;
const DOCUMENTS = 8_000;
/** Kubernetes waits so much longer than `worker.drainTimeout` before it kills: so the chart has it. */
const GRACE_MORE_MS = 15_000;
/** Questions to the store from the begin of a merge to the signal, so that its middle is hit as well as its ends. */
const LOOKS_MAX = 6;
const PATIENCE = { timeout: 240_000 * ROUNDS };
const WAIT = { timeout: 60_000, interval: 5 };

/** A line of a worker's log about a merge. */
interface MergeLine {
  readonly message: 'merge started' | 'merge done' | 'merge handed back' | 'merge failed';
  readonly run: string;
  readonly partition: number;
  readonly attempt: number;
  /** Of one that is done; 0 where an earlier attempt had left its receipt already. */
  readonly rows?: number;
}

describeWith(['redis', 's3', 'mongodb', 'readers'], 'workers that are taken away while they merge', (services) => {
  let lake: Lake;
  beforeAll(async () => {
    lake = await openLake(services, DOCUMENTS);
    await lake.collection.fill(0);
    lake.rows = await lake.collection.rows();
  });
  afterAll(() => lake.close());

  it(
    `with time to drain, ${TERMINATIONS} times, seed ${SEED}: each merge is done once, by its first attempt`,
    PATIENCE,
    async () => {
      const drill = await terminateOften('drained', 60_000);
      expect(drill.merges.filter(({ message }) => message === 'merge handed back')).toEqual([]);
      expect(new Set(drill.merges.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    },
  );

  it(
    `without, ${TERMINATIONS} times, seed ${SEED}: each merge that is handed back is done once elsewhere`,
    PATIENCE,
    async () => {
      const drill = await terminateOften('handed-back', 0);
      const handedBack = drill.merges.filter(({ message }) => message === 'merge handed back');
      // Else the drill was none.
      expect(handedBack.length).toBeGreaterThanOrEqual(TERMINATIONS / 2);
      for (const { run, partition } of handedBack) {
        const attempts = drill.merges.filter((line) => line.run === run && line.partition === partition);
        const tries = attempts.filter(({ message }) => message === 'merge started');
        expect(tries.map(({ attempt }) => attempt).sort(), `partition ${partition}`).toEqual(
          tries.map((_, i) => i + 1),
        );
      }
    },
  );

  /**
   * Backfills that replace the table, one after the other, on three workers; each time the seed's choice of these is told to end in the
   * middle of a merge, and another takes its place at once, as a Deployment has it. Holds what is so in any case.
   */
  async function terminateOften(
    name: string,
    drainTimeoutMs: number,
  ): Promise<{ readonly merges: readonly MergeLine[] }> {
    const table = openTable(name, drainTimeoutMs);
    try {
      const drill = await startDrill(table, seededRandom(SEED));
      const endings: Promise<Ending>[] = [];
      for (let n = 0; n < TERMINATIONS; n++) endings.push((await drill.terminateOne()).ending);
      await drill.end();
      const ends = await Promise.all(endings);
      expect(ends.map(({ code, signal }) => ({ code, signal }))).toEqual(ends.map(() => ({ code: 0, signal: null })));
      for (const { tookMs } of ends) expect(tookMs).toBeLessThan(drainTimeoutMs + GRACE_MORE_MS);
      await expectDoneOnce(table, drill.merges());
      await expectWhole(table);
      return { merges: drill.merges() };
    } finally {
      await table.close();
    }
  }

  function openTable(name: string, drainTimeoutMs: number): ChaosTable {
    const { redis } = services;
    return chaosTable(lake, name, {
      // A worker that is slow must not be taken for a dead one: jobs change hands only by being handed back.
      queue: { kind: 'redis', url: redis.url, prefix: `${redis.prefix}-${name}`, lockDuration: '60s' },
      // Compressing hard makes merges long.
      defaults: { partitions: PARTITIONS, leaseTtl: '20s', compressionLevel: 19 },
      worker: { concurrency: 1, drainTimeout: `${drainTimeoutMs}ms` },
    });
  }

  /** Of every run each partition was merged to the end once, no more often, and none failed. */
  async function expectDoneOnce({ name }: ChaosTable, merges: readonly MergeLine[]): Promise<void> {
    expect(merges.filter(({ message }) => message === 'merge failed')).toEqual([]);
    const log = await readLog(lake.store, name);
    const runs = log.filter(({ counts }) => counts !== undefined).map(({ run }) => run);
    const done = merges.filter(({ message, rows }) => message === 'merge done' && rows !== 0);
    expect(done.map(({ run, partition }) => `${run} ${partition}`).sort()).toEqual(
      runs.flatMap((run) => Array.from({ length: PARTITIONS }, (_, partition) => `${run} ${partition}`)).sort(),
    );
  }

  async function expectWhole(table: ChaosTable): Promise<void> {
    await table.expectRight();
    const { store, rows } = lake;
    expect(
      await readTable('deltars', `s3://${store.bucket}/${table.name}`, { columns: ['_id'], s3: store }),
    ).toHaveLength(rows.size);
    expect(await table.staged()).toEqual([]);
    expect(await table.orphans()).toEqual([]);
    const verifier = await table.worker();
    expect(await table.untilDone('verify', '--deep')).toMatchObject({ status: 'equal' });
    expect(await verifier.end('SIGTERM')).toBe(0);
    expect(await failedJobs(table)).toBe(0);
  }
});

/** How a worker ended that was told to. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

/** Workers, and runs that keep them at work. */
async function startDrill(table: ChaosTable, random: () => number) {
  const below = (end: number) => Math.floor(random() * end);
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => table.worker()));
  const all = [...workers];
  const begin = () => table.start(undefined, '--json', '--log-level', 'info', 'backfill', '--replace');
  let command = begin();
  const ended = async () => expect(await command.ended, command.lines.join('\n')).toEqual({ code: 0, signal: null });
  /** Waits until the worker is in the middle of a merge; begins the next run where one has ended. */
  const merging = async (worker: Victim) => {
    while (!isMerging(worker)) {
      await vi.waitUntil(() => isMerging(worker) || command.child.exitCode !== null, WAIT);
      if (isMerging(worker)) return;
      await ended();
      command = begin();
    }
  };
  return {
    /** Gives, once another worker has taken its place, how the one that was told to end does so. */
    async terminateOne(): Promise<{ readonly ending: Promise<Ending> }> {
      const place = below(WORKERS);
      const victim = workers[place] as Victim;
      const looks = below(LOOKS_MAX);
      await merging(victim);
      for (let n = 0; n < looks; n++) await table.staged();
      await merging(victim);
      const told = performance.now();
      victim.child.kill('SIGTERM');
      const ending = victim.ended.then((end) => ({ ...end, tookMs: performance.now() - told }));
      const next = await table.worker();
      workers[place] = next;
      all.push(next);
      return { ending };
    },
    /** Waits for the end of the run, then ends the workers that are left. */
    async end() {
      await ended();
      for (const worker of workers) expect(await worker.end('SIGTERM')).toBe(0);
    },
    merges: () => all.flatMap(mergesOf),
  };
}

function mergesOf({ lines }: Victim): readonly MergeLine[] {
  return lines
    .filter((line) => line.startsWith('{') && line.includes('"merge '))
    .map((line) => JSON.parse(line) as MergeLine);
}

function isMerging(worker: Victim): boolean {
  const merges = mergesOf(worker);
  const started = merges.filter(({ message }) => message === 'merge started').length;
  return started * 2 > merges.length;
}

/** What Bull Board counts as failed. */
async function failedJobs({ start }: ChaosTable): Promise<number> {
  const dashboard = start(undefined, 'dashboard', '--listen', '127.0.0.1:0');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await dashboard.line('http://127.0.0.1:'))?.[0];
  const answer = await fetch(`${url}/queues/api/queues?activeQueue=jobs`);
  const { queues } = (await answer.json()) as {
    readonly queues: readonly { readonly counts: { readonly failed: number } }[];
  };
  await dashboard.end('SIGTERM');
  return queues.reduce((sum, { counts }) => sum + counts.failed, 0);
}
