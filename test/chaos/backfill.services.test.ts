import { serialize } from 'bson';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { idRanges } from '../../src/shared/adapters/mongodb-parts.ts';
import { jsonBody } from '../../src/shared/documents.ts';
import type { Plan } from '../../src/shared/domain/plan.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type Lake, openLake } from './lake.ts';
import { readLog } from './log.ts';
import { seededRandom } from './random.ts';
import { type FinishedRanges, repeatedReads } from './range-reads.ts';
import { type ChaosTable, chaosTable, type Victim } from './table.ts';

/** A larger collection where there is time (`npm run test:long`). */
const ROUNDS = Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);
const { MONGOLAKE_TEST_SEED: GIVEN_SEED = '20261128' } = process.env;
const SEED = GIVEN_SEED === 'random' ? Date.now() % 1e9 : Number(GIVEN_SEED);

const KILLS = 10 * ROUNDS;
/** From one kill to the next some ranges are finished; the last kill is among the merges. */
const RANGES_PER_KILL = 3;
const RANGES = (KILLS - 1) * RANGES_PER_KILL;
/** `MONGOLAKE_TEST_CHAOS_DOCUMENTS=2000000` takes a quarter of an hour. */
const DOCUMENTS = Number(process.env.MONGOLAKE_TEST_CHAOS_DOCUMENTS ?? RANGES * 400);
const DOCUMENTS_PER_RANGE = Math.ceil(DOCUMENTS / RANGES);
const PARTITIONS = 16;
/** Lines of a worker's log from a receipt to the kill, so that the middle of a job is hit as well as its end. */
const LINES_MAX = 4;
const PATIENCE = { timeout: 240_000 * ROUNDS + DOCUMENTS };
/** To fill the collection: a server of tests takes some 10,000 documents a second. */
const FILL_MS = 120_000 + DOCUMENTS / 2;
const WAIT = { timeout: 60_000 + DOCUMENTS / 4, interval: 20 };

const VICTIMS = ['worker', 'coordinator', 'redis'] as const;

describeWith(
  ['redis', 's3', 'mongodb', 'readers'],
  'a backfill of many ranges, kill -9 at random moments',
  (services) => {
    let lake: Lake;
    let table: ChaosTable;
    let redis: RedisServer;
    beforeAll(async () => {
      lake = await openLake(services, RANGES * DOCUMENTS_PER_RANGE);
      await lake.collection.fill(0);
      lake.rows = await lake.collection.rows();
      redis = required(await startRedis());
      // Few reads at once, so that the workers of a dead coordinator do not get far without it.
      const defaults = { partitions: PARTITIONS, maxConcurrentReads: 2 };
      table = chaosTable(lake, 'backfill', { url: redis.url, defaults });
    }, FILL_MS);
    afterAll(async () => {
      await table.close();
      await redis.stop();
      await lake.close();
    });

    /** Leaves a run of which nothing but the plan is there, and gives it the ranges that a large collection would have. */
    const planManyRanges = async () => {
      await table.dies('plan-written', 'backfill');
      const [key = ''] = await table.staged();
      const { crc32: _, ...plan } = JSON.parse(await lake.store.text(key)) as Plan & { readonly crc32: string };
      const cuts = Array.from({ length: RANGES - 1 }, (_, n) => lake.collection.id((n + 1) * DOCUMENTS_PER_RANGE));
      const ranges = idRanges(cuts.map((id) => Buffer.from(serialize({ '': id }))));
      await lake.store.put(key, jsonBody({ ...plan, ranges }));
      return plan.run;
    };

    /** Starts the command, again while a dead holder still has the table, and waits until it goes on with the run. */
    const goOn = async (): Promise<Victim> => {
      for (;;) {
        const command = table.start(undefined, '--json', '--log-level', 'info', 'backfill');
        try {
          await command.line('an unfinished backfill');
          return command;
        } catch (error) {
          if ((await command.ended).code !== 75) throw error;
        }
      }
    };

    /** Notes which ranges have a receipt by now; gives how many jobs have one. */
    const look = async (finished: FinishedRanges) => {
      const receipts = (await table.staged()).filter((key) => key.includes('/receipts/'));
      const now = Date.now();
      for (const key of receipts) {
        const range = /extract-(\d+)\.json$/.exec(key)?.[1];
        if (range !== undefined && !finished.has(Number(range))) finished.set(Number(range), now);
      }
      return receipts.length;
    };

    it(
      `${KILLS} times, seed ${SEED}: it ends with exactly the documents, and no finished range is read again`,
      PATIENCE,
      async () => {
        const random = seededRandom(SEED);
        const below = (end: number) => Math.floor(random() * end);
        const run = await planManyRanges();
        let worker = await table.worker();
        let coordinator = await goOn();
        const workers = [worker];
        const restart = {
          async worker() {
            await worker.end('SIGKILL');
            worker = await table.worker();
            workers.push(worker);
          },
          async coordinator() {
            await coordinator.end('SIGKILL');
            coordinator = await goOn();
          },
          async redis() {
            await redis.kill();
            redis = required(await startRedis({ port: redis.port, dir: redis.dir }));
          },
        };
        const finished: FinishedRanges = new Map();
        const first = below(VICTIMS.length);
        for (let kill = 0; kill < KILLS; kill++) {
          const receipts = kill * RANGES_PER_KILL + 1 + below(RANGES_PER_KILL);
          await vi.waitUntil(async () => isUnderWay(coordinator) && (await look(finished)) >= receipts, WAIT);
          const lines = worker.lines.length + below(LINES_MAX);
          await vi.waitUntil(() => isUnderWay(coordinator) && worker.lines.length >= lines, WAIT);
          await restart[VICTIMS[(first + kill) % VICTIMS.length] ?? 'worker']();
        }
        expect(await coordinator.line('"status":')).toContain(`"read":${lake.rows.size}`);
        expect(await coordinator.ended).toEqual({ code: 0, signal: null });
        await table.expectRight();
        expect(await table.staged()).toEqual([]);
        const committed = (await readLog(lake.store, table.name)).filter(({ counts }) => counts !== undefined);
        expect(committed.map((entry) => entry.run)).toEqual([run]);
        expect(finished.size).toBe(RANGES);
        expect(repeatedReads(workers, finished)).toEqual([]);
      },
    );
  },
);

/** Throws where the command has ended: nothing is left to be interrupted. */
function isUnderWay({ child, lines }: Victim): true {
  if (child.exitCode !== null) throw new Error(`ended before it was killed so often:\n${lines.join('\n')}`);
  return true;
}
