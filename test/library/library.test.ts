// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables, as a user writes them
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { backfill, type MongolakeConfig, MongolakeError, plan, status, sync } from '../../src/index.ts';
import { writeDump } from '../e2e/dump.ts';

const updateTime = new Date('2026-05-01T00:00:00Z');
const documents = (count: number) => Array.from({ length: count }, (_, n) => ({ _id: `id-${n}`, n, updateTime }));
const dump = (name: string, count: number) => {
  const file = join(folder, 'dump', 'guest', `${name}.bson`);
  writeDump(file, documents(count), new Date('2026-06-01T00:00:00Z'));
  return file;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-library-'));
  mkdirSync(join(folder, 'scratch'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** One table at a time, so that their order is known. */
function config(): MongolakeConfig {
  return {
    version: 1,
    connections: { guest: { kind: 'dump', path: join(folder, 'dump') } },
    defaults: { partitions: 2, engine: 'parquetjs' },
    maxConcurrentRuns: 1,
    worker: { concurrency: 1, scratch: join(folder, 'scratch') },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['*'] },
        table: { uri: `file:${folder}/lake/{collection}` },
      },
    },
  };
}

async function errorOf(call: Promise<unknown>): Promise<MongolakeError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MongolakeError);
  return error as MongolakeError;
}

test('each table has a result, one that fails among them; nothing is printed, and the process is as before', async () => {
  dump('bookings', 3);
  truncateSync(dump('broken', 3), 30);
  dump('notifications', 5);
  const printed = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'));
  const signals = () => ['SIGINT', 'SIGTERM', 'exit'].map((name) => process.listeners(name as 'SIGINT'));
  await sync({ config: config(), target: 'guest.bookings' });
  const before = signals();
  const results = await sync({ config: config() });
  for (const write of printed) expect(write).not.toHaveBeenCalled();
  expect(signals()).toEqual(before);
  expect(process.exitCode).toBeUndefined();
  expect(results).toMatchObject([
    { schemaVersion: 1, table: 'guest.bookings', status: 'unchanged', version: null },
    {
      schemaVersion: 1,
      table: 'guest.broken',
      status: 'failed',
      error: { code: 'DUMP_BROKEN', message: expect.stringContaining('broken.bson'), retryable: false },
    },
    {
      table: 'guest.notifications',
      status: 'committed',
      version: 0,
      read: 5,
      inserted: 5,
      watermark: expect.any(String),
    },
  ]);
});

test('plan and status tell of a table, and a backfill takes its options', async () => {
  dump('notifications', 4);
  const call = { config: config(), target: 'guest.notifications' };
  expect(await plan(call)).toMatchObject([{ status: 'first-load', mode: 'sync', documents: 4, full: true }]);
  expect(await status(call)).toMatchObject([{ status: 'missing', version: null, queue: null }]);
  await backfill(call);
  expect(await status(call)).toMatchObject([{ status: 'present', version: 0, rows: 4, engine: 'parquetjs' }]);
  dump('notifications', 3);
  expect(await plan({ ...call, replace: true })).toMatchObject([{ mode: 'backfill', replace: true, version: 0 }]);
  expect(await backfill({ ...call, replace: true })).toMatchObject([{ version: 1, inserted: 3, deleted: 4 }]);
  expect(await sync({ ...call, from: '2026-04-01', to: '2026-04-02T00:00:00Z' })).toMatchObject([{ read: 0 }]);
  expect(await errorOf(sync({ ...call, from: 'yesterday' }))).toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/^from: /),
  });
});

test('plan tells of other commands, too', async () => {
  dump('notifications', 4);
  const call = { config: config(), target: 'guest.notifications' };
  expect(await plan({ ...call, for: 'compact' })).toMatchObject([
    { status: 'failed', error: { code: 'TABLE_MISSING' } },
  ]);
  await backfill(call);
  expect(await plan({ ...call, for: 'compact' })).toMatchObject([{ kind: 'compact', status: 'nothing-to-do' }]);
  const [verification] = await plan({ ...call, for: 'verify', sample: 1 });
  expect(verification).toMatchObject({ kind: 'verify', status: 'work', writes: { files: 0 } });
  expect(await plan({ ...call, for: 'repartition', partitions: 2 ** 10 })).toMatchObject([{ touches: { of: 1024 } }]);
  expect(await errorOf(plan({ ...call, for: 'repartition', partitions: 6 }))).toMatchObject({ code: 'USAGE' });
  expect(await errorOf(plan({ ...call, for: 'repartition' }))).toMatchObject({ code: 'USAGE' });
});

test('a wrong configuration is thrown, and names the key', async () => {
  const { pipelines, ...rest } = config();
  const { guest } = pipelines;
  const wrong = { ...rest, pipelines: { guest: { ...guest, source: { connection: 'guest', colections: ['a'] } } } };
  const object = await errorOf(sync({ config: wrong as never }));
  expect(object.code).toBe('CONFIG_INVALID');
  expect(object.message).toMatch(
    /^config pipelines\.guest\.source\.colections: unknown key.*did you mean "collections"/,
  );
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, stringify(wrong));
  const read = await errorOf(status({ config: file }));
  expect(read.code).toBe('CONFIG_INVALID');
  expect(read.message).toMatch(/wrong\.yaml:\d+:\d+ pipelines\.guest\.source\.colections/);
  expect(await errorOf(plan({ config: undefined as never }))).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await errorOf(plan({ config: config(), target: 'gest' }))).toMatchObject({ code: 'USAGE' });
});

test('variables are those of env, where it is given', async () => {
  dump('notifications', 1);
  const { connections: _, ...rest } = config();
  const referring = { ...rest, connections: { guest: { kind: 'dump' as const, path: '${HOME}' } } };
  expect(await errorOf(sync({ config: referring, env: {} }))).toMatchObject({
    code: 'CONFIG_VARIABLE',
    message: 'config connections.guest.path: variable ${HOME} is not set',
  });
  const env = { HOME: join(folder, 'dump') };
  expect(await sync({ config: referring, env })).toMatchObject([{ inserted: 1 }]);
});

test('two calls at once sync two tables; what a callback throws stops neither', async () => {
  dump('bookings', 30);
  dump('notifications', 50);
  const lines: string[] = [];
  const logger = {
    debug: () => {
      throw new Error('full');
    },
    info: () => {},
    warn: (message: string, fields: object) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    error: () => {},
  };
  const onProgress = () => {
    throw new Error('not mine');
  };
  const [bookings, notifications] = await Promise.all([
    sync({ config: config(), target: 'guest.bookings' }),
    sync({ config: config(), target: 'guest.notifications', logger, onProgress }),
  ]);
  expect(bookings).toMatchObject([{ table: 'guest.bookings', status: 'committed', inserted: 30 }]);
  expect(notifications).toMatchObject([{ table: 'guest.notifications', status: 'committed', inserted: 50 }]);
  expect(lines).toContain('onProgress threw {"table":"guest.notifications","error":"not mine"}');
});

test('a signal in the middle ends what runs; finished tables keep their results, and the next call goes on', async () => {
  dump('bookings', 3);
  dump('notifications', 5);
  dump('zones', 1);
  const controller = new AbortController();
  const results = await sync({
    config: config(),
    signal: controller.signal,
    onProgress: ({ table }) => table === 'guest.notifications' && controller.abort(new Error('deadline')),
  });
  expect(results).toMatchObject([
    { table: 'guest.bookings', status: 'committed', inserted: 3 },
    { table: 'guest.notifications', status: 'failed', error: { code: 'INTERRUPTED', retryable: true } },
    { table: 'guest.zones', status: 'failed', error: { code: 'INTERRUPTED' } },
  ]);
  expect(await sync({ config: config() })).toMatchObject([
    { status: 'unchanged' },
    { table: 'guest.notifications', status: 'committed', version: 0, inserted: 5 },
    { table: 'guest.zones', status: 'committed' },
  ]);
});

test('a signal that came before is thrown, with its reason', async () => {
  const reason = new Error('too late');
  const error = await errorOf(sync({ config: config(), signal: AbortSignal.abort(reason) }));
  expect(error).toMatchObject({
    code: 'INTERRUPTED',
    message: expect.stringContaining("the caller's signal"),
    cause: reason,
  });
});
