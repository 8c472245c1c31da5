import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';
import { describeWith } from './context.ts';
import { prepareReaders } from './readers/install.ts';
import { closeReaders, type Engine, LIGHT_ENGINES, readTable } from './readers/read.ts';
import { pingRedis, startRedis } from './redis.ts';
import { required } from './result.ts';
import { type S3Access, s3Client, startS3 } from './s3.ts';
import { waitUntil } from './server.ts';

const WRITE_SAMPLE = fileURLToPath(new URL('./readers/write-sample.py', import.meta.url));

describeWith(['redis'], 'the Redis of tests', ({ redis }) => {
  it('answers PING and keeps what it is told, without eviction', async () => {
    const client = new Redis(redis.url);
    try {
      await client.set(`${redis.prefix}:a`, '1');
      expect(await client.get(`${redis.prefix}:a`)).toBe('1');
      expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    } finally {
      client.disconnect();
    }
  });

  it('comes back on its port with its data after a crash', async () => {
    const first = required(await startRedis());
    const client = new Redis(first.url, { lazyConnect: true });
    client.on('error', () => {});
    await client.set('a', '1');
    // Its append-only file is written at each command, and only flushed to the disk every second.
    await first.kill();
    await expect(pingRedis(first.url)).rejects.toThrow();
    const second = required(await startRedis({ port: first.port, dir: first.dir }));
    expect(await client.get('a')).toBe('1');
    client.disconnect();
    await second.stop();
    await first.stop();
    await expect(pingRedis(first.url)).rejects.toThrow();
  });

  it('does not outlive the process that started it, even one that was killed', async () => {
    const script = `
      import { startRedis } from ${JSON.stringify(new URL('./redis.ts', import.meta.url).href)};
      console.log((await startRedis()).url);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
    await pingRedis(url.trim());
    parent.kill('SIGKILL');
    await waitUntil(() => expect(pingRedis(url.trim())).rejects.toThrow(), 10_000);
  });
});

describeWith(['s3'], 'the S3 store of tests', ({ s3 }) => {
  let client: S3Client;
  beforeAll(() => {
    client = s3Client(s3);
  });
  afterAll(() => client.destroy());

  const put = (key: string, body: string, condition: { IfNoneMatch?: string; IfMatch?: string } = {}) =>
    client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: body, ...condition })).then(
      (answer) => ({ status: 200, etag: answer.ETag }),
      (error: unknown) => {
        if (error instanceof S3ServiceException) return { status: error.$metadata.httpStatusCode, etag: undefined };
        throw error;
      },
    );
  const get = async (key: string) => {
    const object = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key }));
    return object.Body?.transformToString();
  };

  it('lets one of twenty racing writers win with If-None-Match', async () => {
    const racers = Array.from({ length: 20 }, (_, index) => put('race', String(index), { IfNoneMatch: '*' }));
    const statuses = (await Promise.all(racers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    expect(await get('race')).toBe(String(statuses.indexOf(200)));
  });

  it('replaces with If-Match only what was read', async () => {
    const first = await put('lease', 'one');
    const second = await put('lease', 'two', { IfMatch: first.etag ?? '' });
    expect(second.status).toBe(200);
    expect((await put('lease', 'three', { IfMatch: first.etag ?? '' })).status).toBe(412);
    expect((await put('missing', 'x', { IfMatch: first.etag ?? '' })).status).toBe(404);
    expect(await get('lease')).toBe('two');
  });

  it('comes back on its port with its objects after a crash', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mongolake-s3-data-'));
    const first = required(await startS3({ dir }));
    await first.createBucket('kept');
    await first.kill();
    const second = required(await startS3({ port: first.port, dir }));
    await expect(second.createBucket('kept')).rejects.toThrow();
    await second.stop();
    await first.stop();
    rmSync(dir, { recursive: true });
  });
});

describeWith(['mongodb'], 'the MongoDB of tests', ({ mongodb }) => {
  it('stores documents and finds them sorted and by range', async () => {
    const client = new MongoClient(mongodb.uri);
    try {
      const items = client.db(mongodb.database).collection<Document & { _id: number }>('items');
      await items.insertMany([3, 1, 2].map((_id) => ({ _id, at: new Date(_id * 1000) })));
      const found = await items
        .find({ at: { $gt: new Date(1000) } })
        .sort({ at: 1 })
        .toArray();
      expect(found.map(({ _id }) => _id)).toEqual([2, 3]);
    } finally {
      await client.close();
    }
  });
});

describeWith(['mongod'], 'the replica set of tests', ({ mongod }) => {
  it('is a writable primary', async () => {
    const client = new MongoClient(mongod.uri);
    try {
      const hello = await client.db('admin').command({ hello: 1 });
      expect(hello).toMatchObject({ isWritablePrimary: true, setName: expect.any(String) });
    } finally {
      await client.close();
    }
  });
});

describeWith(['readers', 's3'], 'the light readers of tests', ({ s3 }) => {
  const at = sampleTable(() => s3);
  describe.each(LIGHT_ENGINES)('%s', (engine) => {
    readsSample(engine, at);
    it('reads from S3', async () => {
      const rows = await readTable(engine, `s3://${s3.bucket}/tables/sample`, { s3 });
      expect(rows).toEqual(SAMPLE);
    });
  });
});

describeWith(['readers', 'spark', 's3'], 'the Spark reader of tests', ({ s3 }) => {
  const at = sampleTable(() => s3);
  readsSample('spark', at);
  it('reads a copy of a table in S3', async () => {
    expect(await readTable('spark', `s3://${s3.bucket}/tables/sample`, { s3 })).toEqual(SAMPLE);
  });
});

const SAMPLE = [
  { _id: 'a', n: -5, x: -0, t: '1969-12-31T00:00:00.000000Z', bytes: '', nested: null, ok: false },
  {
    _id: 'b',
    n: 9007199254740993n,
    x: 'NaN',
    t: '2024-01-02T03:04:05.678901Z',
    bytes: '00ff',
    nested: { list: [{ k: 1, v: '2000-01-01T00:00:00.000000Z' }], price: '1.50' },
    ok: true,
  },
  {
    _id: 'é',
    n: null,
    x: '-Infinity',
    t: '9999-12-31T23:59:59.999999Z',
    bytes: null,
    nested: { list: [], price: null },
    ok: null,
  },
  { _id: '😀', n: 2, x: 2, t: null, bytes: '61', nested: { list: null, price: null }, ok: true },
];

/** Writes the sample table to a folder and to the suite's bucket before the tests; returns the folder's path, once known. */
function sampleTable(s3: () => S3Access & { readonly bucket: string }): () => string {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-sample-'));
    const { python } = required(await prepareReaders());
    const { endpoint, region, accessKeyId, secretAccessKey, bucket } = s3();
    const env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    };
    for (const table of [join(folder, 'sample'), `s3://${bucket}/tables/sample`]) {
      await runCommand(python, [WRITE_SAMPLE, table], { env, deadlineMs: 60_000 });
    }
  });
  afterAll(async () => {
    await closeReaders();
    if (folder) rmSync(folder, { recursive: true });
  });
  return () => join(folder, 'sample');
}

function readsSample(engine: Engine, table: () => string): void {
  it('reads every type without loss, ordered by _id', async () => {
    expect(await readTable(engine, table())).toEqual(SAMPLE);
  });
  it('reads an older version, some columns, and a condition', async () => {
    const old = await readTable(engine, `file:${table()}`, { version: 0, columns: ['_id'], orderBy: ['n'] });
    expect(old.map(({ _id }) => _id).sort()).toEqual(['a', 'b', 'é']);
    expect(await readTable(engine, table(), { columns: ['_id', 'ok'], where: 'n < 2' })).toEqual([
      { _id: 'a', ok: false },
    ]);
  });
  it('tells why a table cannot be read', async () => {
    await expect(readTable(engine, `${table()}-missing`)).rejects.toThrow(/-missing/);
  });
}
