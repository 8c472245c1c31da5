// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../../src/shared/config.ts';
import { DESIGN_ENV, DESIGN_EXAMPLE, parse, SMALL } from './sample.ts';

describe("the design's example", () => {
  test('is what it says, with every default', () => {
    expect(parse(DESIGN_EXAMPLE, DESIGN_ENV)).toEqual({
      version: 1,
      connections: {
        guest: {
          kind: 'mongodb',
          uri: 'mongodb://reader:s3cret@db/',
        },
        lake: { kind: 's3', region: 'us-east-1', forcePathStyle: false },
      },
      queue: { kind: 'redis', lockDuration: 30_000, url: 'redis://queue:6379', prefix: '{mongolake}' },
      defaults: {
        mode: 'incremental',
        cursorField: 'updateTime',
        cursorType: 'date',
        allowedLateness: 300_000,
        partitions: 'auto',
        schedule: { kind: 'every', every_ms: 900_000 },
        engine: 'duckdb',
        targetFileSize: 128_000_000,
        rowGroupSize: 122_880,
        compression: 'zstd',
        compressionLevel: 3,
        deletes: 'none',
        deletedField: 'deletedAt',
        verifySchedule: { kind: 'none' },
        verifyRepair: false,
        maxQuarantined: 1000,
        checkpointInterval: 10,
        retention: 604_800_000,
        leaseTtl: 30_000,
      },
      pipelines: {
        guest: {
          source: {
            connection: 'guest',
            database: 'guest',
            collections: ['notifications', 'booking*', '!*_tmp'],
            mode: 'cursor',
            followInterval: 10_000,
          },
          table: { connection: 'lake', uri: 's3://lake/guest/{collection}' },
          collections: { notifications: { partitions: 64 } },
        },
      },
      maxConcurrentRuns: 4,
      coordinator: { drainTimeout: 10_000, stuckTimeout: 900_000 },
      worker: {
        concurrency: availableParallelism(),
        memory: 512_000_000,
        scratch: tmpdir(),
        drainTimeout: 25_000,
        stuckTimeout: 900_000,
      },
      dashboard: { listen: { host: '127.0.0.1', port: 3000 }, user: 'mongolake', readOnly: true },
      log: { level: 'info', format: 'auto' },
      file: '/etc/mongolake.yaml',
    });
  });

  test('works the same with a byte order mark and Windows line ends', () => {
    expect(parse(`\uFEFF${DESIGN_EXAMPLE.replaceAll('\n', '\r\n')}`, DESIGN_ENV)).toEqual(
      parse(DESIGN_EXAMPLE, DESIGN_ENV),
    );
  });
});

describe('values', () => {
  test('a queue is local where none is given', () => {
    expect(parse(SMALL).queue).toEqual({ kind: 'local' });
  });

  test('a variable gives a number, a boolean, a duration, a size, a word', () => {
    const text = `${SMALL}maxConcurrentRuns: \${RUNS}
defaults: { partitions: \${PARTITIONS}, retention: \${RETENTION}, targetFileSize: "\${MEGABYTES}MB" }
log: { level: \${LOG_LEVEL:-debug} }
worker: { concurrency: \${CORES:-auto} }
`.replace('region: eu-west-1', 'region: eu-west-1, forcePathStyle: ${PATH_STYLE}');
    const config = parse(text, {
      RUNS: '7',
      PARTITIONS: '32',
      RETENTION: '1h 30m',
      MEGABYTES: '64',
      PATH_STYLE: 'true',
    });
    expect(config.maxConcurrentRuns).toBe(7);
    expect(config.defaults).toMatchObject({ partitions: 32, retention: 5_400_000, targetFileSize: 64_000_000 });
    expect(config.log.level).toBe('debug');
    expect(config.connections.lake).toMatchObject({ forcePathStyle: true });
    expect(config.worker.concurrency).toBe(availableParallelism());
  });

  test('a variable can put neither keys nor lists into the file', () => {
    const evil = 'x", password: "y\n  other: { kind: dump, path: / }\n#${HOME}';
    const config = parse(SMALL.replace('eu-west-1', '${REGION}'), { REGION: evil, HOME: '/root' });
    expect(Object.keys(config.connections)).toEqual(['db', 'lake']);
    expect(config.connections.lake).toMatchObject({ region: evil });
  });

  test('keys are left as they are', () => {
    const config = parse(`${SMALL}    collections: { "\${NAME}": { partitions: 2 } }\n`, { NAME: 'x' });
    expect(Object.keys(config.pipelines.guest?.collections ?? {})).toEqual(['${NAME}']);
  });

  test('a variable with an empty default leaves an optional key out', () => {
    const text = SMALL.replace('eu-west-1', 'eu-west-1, endpoint: "${ENDPOINT:-}"');
    expect(parse(text).connections.lake).not.toHaveProperty('endpoint');
    expect(parse(text, { ENDPOINT: 'http://minio:9000' }).connections.lake).toMatchObject({
      endpoint: 'http://minio:9000',
    });
  });

  test('a line end behind a secret is cut off', () => {
    const text = SMALL.replace('"mongodb://localhost"', '${URI}');
    expect(parse(text, { URI: 'mongodb://localhost\n' }).connections.db).toMatchObject({ uri: 'mongodb://localhost' });
  });

  test.each([
    ['15m', { kind: 'every', every_ms: 900_000 }],
    ['"0 3 * * *"', { kind: 'cron', expression: '0 3 * * *' }],
    ['"*/10 * * * * *"', { kind: 'cron', expression: '*/10 * * * * *' }],
    ['"@daily"', { kind: 'cron', expression: '@daily' }],
    ['none', { kind: 'none' }],
  ])('schedule %s', (yaml, expected) => {
    expect(parse(`${SMALL}defaults: { schedule: ${yaml} }\n`).defaults.schedule).toEqual(expected);
  });

  test("a dump's start is an instant, its path absolute", () => {
    const dump = (path: string) =>
      parse(
        SMALL.replace(
          'kind: mongodb, uri: "mongodb://localhost"',
          `kind: dump, startedAt: 2026-01-31T03:00:00+01:00, ${path}`,
        ),
      ).connections.db;
    expect(dump('path: ./dump')).toEqual({ kind: 'dump', path: '/etc/dump', startedAt: Date.UTC(2026, 0, 31, 2) });
    expect(dump('path: /var/dump')).toMatchObject({ path: '/var/dump' });
  });

  test('scratch is absolute', () => {
    expect(parse(`${SMALL}worker: { scratch: ./tmp }\n`).worker.scratch).toBe('/etc/tmp');
  });

  test('an anchor may be used again', () => {
    const text = `${SMALL}    collections: { a: &many { partitions: 64 }, b: *many }\n`;
    expect(parse(text).pipelines.guest?.collections).toEqual({ a: { partitions: 64 }, b: { partitions: 64 } });
  });

  test('names of things that objects inherit are only names', () => {
    const text = SMALL.replace(' db:', ' constructor:').replace('connection: db', 'connection: constructor');
    expect(parse(text).pipelines.guest?.source.connection).toBe('constructor');
    expect(({} as Record<string, unknown>).partitions).toBeUndefined();
  });

  test('a resolver answers its scheme', () => {
    const vault = { scheme: 'vault', resolve: () => ({ value: 'mongodb://from-vault' }) };
    const config = parseConfig(SMALL.replace('"mongodb://localhost"', '${vault:kv/mongo#uri}'), 'm.yaml', {}, [vault]);
    expect(config.connections.db).toMatchObject({ uri: 'mongodb://from-vault' });
  });
});

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const noSecrets = () => Promise.reject(new Error('nobody needs Vault here'));

  test('reads a file and knows where it was', async () => {
    const path = join(folder, 'mongolake.yaml');
    writeFileSync(path, SMALL);
    expect((await loadConfig(path, {}, noSecrets)).config.file).toBe(path);
  });

  test('a missing file is CONFIG_INVALID and says what to run', async () => {
    const path = join(folder, 'none.yaml');
    await expect(loadConfig(path, {}, noSecrets)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      exitCode: 78,
      message: `${path}: there is no such file`,
      hint: expect.stringContaining('mongolake init'),
    });
  });

  test('a folder and bytes that are no text are CONFIG_INVALID', async () => {
    const path = join(folder, 'binary.yaml');
    writeFileSync(path, Buffer.from([0x61, 0xff]));
    await expect(loadConfig(path, {}, noSecrets)).rejects.toThrow(`${path}: is not UTF-8 text`);
    await expect(loadConfig(folder, {}, noSecrets)).rejects.toThrow(`${folder}: can not be read (EISDIR)`);
  });
});
