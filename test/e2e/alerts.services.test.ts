import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type MongoServer, startMongo } from '../services/mongo.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { freePort } from '../services/server.ts';
import { bson, documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { type Monitoring, monitoring } from './alerts-house.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { servedBy } from './served.ts';

type Guests = Collection<{ _id: number; updateTime: Date }>;

const GUESTS = { table: 'guest.guests' };
const NOTES = { table: 'dump.notes' };
const ROOMS = { table: 'rooms.rooms' };
const START = Date.parse('2026-05-01T00:00:00Z');
/** Longer than it takes, on machines that do other things too. */
const SLOW_MS = 180_000;

describeWith(['prometheus', 'redis', 'mongodb'], 'alerts, each by its fault', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-alerts-'));
  let monitor: Monitoring;
  let redis: RedisServer;
  let mongo: MongoServer;
  let space: Workspace;
  let coordinator: Running;
  let worker: Running;

  const startQueue = async (port?: number) =>
    required(await startRedis({ dir: join(folder, 'redis'), ...(port === undefined ? {} : { port }) }));
  const startSource = async (port?: number) =>
    required(await startMongo({ dir: join(folder, 'mongo'), ...(port === undefined ? {} : { port }) }));
  const guests = async <T>(work: (collection: Guests) => Promise<T>) => {
    const client = await MongoClient.connect(mongo.uri);
    try {
      return await work(client.db('guest').collection('guests'));
    } finally {
      await client.close();
    }
  };
  const dump = (name: string) => join(space.folder, name);
  const pipeline = (connection: string, collection: string) => ({
    source: { connection, database: 'guest', collections: [collection] },
    table: { uri: `file:./lake/${connection}/{collection}` },
  });
  const config = (uri: string, more: object = {}) => ({
    version: 1,
    connections: {
      guest: { kind: 'mongodb', uri, serverSelectionTimeout: '500ms' },
      dump: { kind: 'dump', path: './dump' },
      rooms: { kind: 'dump', path: './rooms' },
    },
    queue: { kind: 'redis', url: redis.url, lockDuration: '2s' },
    defaults: { partitions: 1, schedule: '2s', staleAfter: '6s', allowedLateness: '1s' },
    coordinator: { listen: '127.0.0.1:0' },
    worker: { listen: '127.0.0.1:0', scratch: './scratch' },
    pipelines: {
      guest: { ...pipeline('guest', 'guests'), verifySchedule: '2s' },
      dump: pipeline('dump', 'notes'),
      ...more,
    },
  });
  const begin = async (command: 'coordinator' | 'worker') => {
    const process = space.start(command);
    await monitor.watch(command, process);
    return process;
  };

  beforeAll(async () => {
    [monitor, redis, mongo] = await Promise.all([monitoring('1s'), startQueue(), startSource()]);
    space = workspace(config(mongo.uri));
    await guests((collection) =>
      collection.insertMany(Array.from({ length: 20 }, (_, _id) => ({ _id, updateTime: new Date(START) }))),
    );
    writeDump(dump('dump/guest/notes.bson'), [{ _id: 1, updateTime: new Date(START) }]);
  });
  afterAll(async () => {
    await space.close();
    await Promise.all([monitor.prometheus.stop(), redis.stop(), mongo.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('nothing fires where all is well', { timeout: SLOW_MS }, async () => {
    [coordinator, worker] = await Promise.all([begin('coordinator'), begin('worker')]);
    await vi.waitFor(
      async () => {
        const tables = await monitor.prometheus.query('mongolake_freshness_timestamp_seconds');
        expect(tables.map(({ metric }) => metric.table).sort()).toEqual([NOTES.table, GUESTS.table]);
      },
      { timeout: 60_000, interval: 200 },
    );
    await monitor.isQuiet();
  });

  it('a document that is deleted in the source: the table differs, until it is there again', {
    timeout: SLOW_MS,
  }, async () => {
    await guests((collection) => collection.deleteMany({ _id: { $lt: 2 } }));
    const { annotations } = await monitor.fires('MongolakeVerificationDiffers', GUESTS);
    expect(annotations.description).toContain('found 2 ids that differ');
    await guests((collection) => collection.insertMany([0, 1].map((_id) => ({ _id, updateTime: new Date(START) }))));
    await monitor.ends('MongolakeVerificationDiffers');
  });

  it('a document that can not be stored', { timeout: SLOW_MS }, async () => {
    const twice = documentOf([
      element(0x10, '_id', int32(2)),
      element(0x10, 'n', int32(1)),
      element(0x10, 'n', int32(2)),
    ]);
    writeFileSync(dump('dump/guest/notes.bson'), Buffer.concat([bson({ _id: 1, updateTime: new Date(START) }), twice]));
    const { annotations } = await monitor.fires('MongolakeDocumentsQuarantined', NOTES);
    expect(annotations.description).toContain('it has 1 now');
  });

  it('a source that is away, and comes back', { timeout: SLOW_MS }, async () => {
    const names = ['MongolakeRunFailing', 'MongolakeTableStale', 'MongolakeVerificationOverdue'];
    // Not in the middle of a run, whose jobs would be tried again for half a minute.
    await (await servedBy(coordinator)).reaches('mongolake_runs_running', {}, (runs) => runs === 0);
    await mongo.kill();
    await Promise.all(names.map((name) => monitor.fires(name, GUESTS)));
    mongo = await startSource(mongo.port);
    await Promise.all(names.map((name) => monitor.ends(name)));
  });

  it('no worker, and one again', { timeout: SLOW_MS }, async () => {
    await monitor.watch('worker', undefined);
    expect(await worker.end('SIGTERM')).toBe(0);
    await monitor.fires('MongolakeJobsWaiting', { job: 'coordinator' });
    worker = await begin('worker');
    await monitor.ends('MongolakeJobsWaiting');
  });

  it('Redis goes, and comes back', { timeout: SLOW_MS }, async () => {
    await redis.kill();
    await monitor.fires('MongolakeQueueUnreachable', { job: 'coordinator' });
    redis = await startQueue(redis.port);
    await monitor.ends('MongolakeQueueUnreachable');
  });

  it('the coordinator is killed; its successor has a table that was never synced', { timeout: SLOW_MS }, async () => {
    await coordinator.end('SIGKILL');
    await monitor.fires('MongolakeCoordinatorMissing', { job: 'coordinator' });
    await worker.end('SIGTERM');
    mkdirSync(dump('rooms/guest'), { recursive: true });
    writeFileSync(dump('rooms/guest/rooms.bson'), 'no document');
    space.configure(config(mongo.uri, { rooms: pipeline('rooms', 'rooms') }));
    [coordinator, worker] = await Promise.all([begin('coordinator'), begin('worker')]);
    await monitor.ends('MongolakeCoordinatorMissing');
    await monitor.fires('MongolakeTableNeverSynced', ROOMS);
    writeDump(dump('rooms/guest/rooms.bson'), [{ _id: 1, updateTime: new Date(START) }]);
    await monitor.ends('MongolakeTableNeverSynced');
  });

  it('a worker that can not reach the source', { timeout: SLOW_MS }, async () => {
    await worker.end('SIGTERM');
    space.configure(config(`mongodb://127.0.0.1:${await freePort()}/`));
    await monitor.watch('worker', undefined);
    // A job of its own: what the worker before it did well is not to count.
    await monitor.watch('other', space.start('worker'));
    await monitor.fires('MongolakeJobsFailing', { job: 'other', kind: 'extract' });
  });
});
