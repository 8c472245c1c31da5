import { type AnyBulkWriteOperation, type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type StreamServer, startStreamServer } from '../services/streams.ts';
import { type Lake, openLake } from './lake.ts';
import { readLog } from './log.ts';
import { seededRandom } from './random.ts';
import { type ChaosTable, chaosTable, type Victim } from './table.ts';

const ROUNDS = Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);
const { MONGOLAKE_TEST_SEED: GIVEN_SEED = '20261201' } = process.env;
const SEED = GIVEN_SEED === 'random' ? Date.now() % 1e9 : Number(GIVEN_SEED);

const IDS = 2_000;
const KILLS = 10 * ROUNDS;
const EVENTS_PER_KILL = 1_000;
/** Lines of logs from a run's beginning to the kill: each stage is hit. */
const LINES_MAX = 12;
const PATIENCE = { timeout: 300_000 * ROUNDS };
const WAIT = { timeout: 90_000, interval: 20 };

const VICTIMS = ['worker', 'coordinator', 'redis'] as const;

type Item = Document & { readonly _id: string };

describeWith(['redis', 's3', 'streams', 'readers'], 'a change stream, kill -9 at random moments', (services) => {
  let server: StreamServer;
  let client: MongoClient;
  let lake: Lake;
  let table: ChaosTable;
  let redis: RedisServer;
  beforeAll(async () => {
    server = required(await startStreamServer());
    client = await MongoClient.connect(server.uri);
    const mongodb = { uri: server.uri, database: 'guest', kind: 'mongod' } as const;
    lake = await openLake({ ...services, mongodb });
    redis = required(await startRedis());
    const source = { mode: 'changestream', followInterval: '1s' };
    table = chaosTable(lake, 'changes', { url: redis.url, source });
  }, 60_000);
  afterAll(async () => {
    await table.close();
    await redis.stop();
    await lake.close();
    await client.close();
    await server.stop();
  });

  it(
    `${KILLS} times in ${KILLS * EVENTS_PER_KILL} inserts, updates, replacements and deletions, seed ${SEED}: the table is the collection`,
    PATIENCE,
    async () => {
      const random = seededRandom(SEED);
      const below = (end: number) => Math.floor(random() * end);
      const items = client.db(lake.collection.database).collection<Item>(lake.collection.name);
      let written = 0;
      const write = () => items.bulkWrite(Array.from({ length: EVENTS_PER_KILL }, () => change(written++, below)));
      await write();
      let worker = await table.worker();
      const follow = () => table.start(undefined, '--log-level', 'debug', 'coordinator');
      let coordinator = follow();
      const restart = {
        async worker() {
          await worker.end('SIGKILL');
          worker = await table.worker();
        },
        async coordinator() {
          await coordinator.end('SIGKILL');
          coordinator = follow();
        },
        async redis() {
          await redis.kill();
          redis = required(await startRedis({ port: redis.port, dir: redis.dir }));
        },
      };
      const first = below(VICTIMS.length);
      for (let kill = 0; kill < KILLS; kill++) {
        const planned = countOf(coordinator, 'planned');
        await write();
        await vi.waitUntil(() => isUp(coordinator) && countOf(coordinator, 'planned') > planned, WAIT);
        const lines = coordinator.lines.length + worker.lines.length + below(LINES_MAX);
        await vi.waitUntil(() => isUp(coordinator) && coordinator.lines.length + worker.lines.length >= lines, WAIT);
        await restart[VICTIMS[(first + kill) % VICTIMS.length] ?? 'worker']();
      }
      lake.rows = await lake.collection.rows();
      expect(await items.countDocuments()).toBe(lake.rows.size);
      await vi.waitUntil(async () => isUp(coordinator) && (await isInStep(table)), { ...WAIT, interval: 500 });
      expect(await coordinator.end('SIGTERM')).toBe(0);
      await table.untilDone('sync');
      await table.expectRight();
      expect(await table.staged()).toEqual([]);
      expect(await table.untilDone('verify', '--deep')).toMatchObject({ status: 'equal' });
      const deleted = (await readLog(lake.store, table.name)).reduce(
        (sum, { counts }) => sum + (counts?.deleted ?? 0),
        0,
      );
      expect(deleted).toBeGreaterThan(0);
    },
  );
});

/** Whether the newest state of the collection is in the table. */
async function isInStep(table: ChaosTable): Promise<boolean> {
  try {
    await table.expectRight();
    return true;
  } catch {
    return false;
  }
}

function change(n: number, below: (end: number) => number): AnyBulkWriteOperation<Item> {
  const filter = { _id: `id-${below(IDS)}` };
  switch (below(4)) {
    case 0:
      return { deleteOne: { filter } };
    case 1:
      return { replaceOne: { filter, replacement: { n }, upsert: true } };
    default:
      return { updateOne: { filter, update: { $set: { n } }, upsert: true } };
  }
}

function countOf({ lines }: Victim, text: string): number {
  return lines.filter((line) => line.includes(text)).length;
}

/** Throws where the command has ended. */
function isUp({ child, lines }: Victim): true {
  if (child.exitCode !== null) throw new Error(`the coordinator ended:\n${lines.join('\n')}`);
  return true;
}
