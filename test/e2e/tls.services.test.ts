import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Certificates, makeCertificates, openTlsDoor, type TlsDoor } from '../services/certificates.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type S3Server, startS3 } from '../services/s3.ts';
import { type Workspace, workspace } from './cli.ts';
import { document } from './worked-example.ts';

const KEY_PASSWORD = 'canary-key-4720';

/** Every server asks for TLS, MongoDB and Redis for a certificate of the client as well; their authority is our own. */
describeWith(['mongodb', 'redis', 's3'], 'TLS to MongoDB, Redis and S3', ({ mongodb }) => {
  let certificates: Certificates;
  let door: TlsDoor;
  let redis: RedisServer;
  let s3: S3Server;
  let space: Workspace;

  beforeAll(async () => {
    certificates = await makeCertificates(KEY_PASSWORD);
    door = await openTlsDoor(Number(new URL(mongodb.uri).port), certificates);
    redis = required(await startRedis({ tls: certificates }));
    s3 = required(await startS3({ tls: certificates }));
    await s3.createBucket('lake');
    space = workspace(config());
    const client = await MongoClient.connect(mongodb.uri);
    const collection = client.db(mongodb.database).collection<ReturnType<typeof document>>('notifications');
    await collection.createIndex({ updateTime: 1 });
    await collection.insertMany([1, 2, 3].map((id) => document(id)));
    await client.close();
  });
  afterAll(async () => {
    await space?.close();
    await redis?.stop();
    await s3?.stop();
    await door?.close();
    certificates?.remove();
  });

  function config(change: { mongodb?: object; redis?: object; s3?: object } = {}) {
    const { ca, clientPem, clientCert, clientKey, keyPassword } = certificates;
    return {
      version: 1,
      connections: {
        guest: {
          kind: 'mongodb',
          uri: `mongodb://127.0.0.1:${door.port}/?directConnection=true`,
          serverSelectionTimeout: '2s',
          tls: change.mongodb ?? { caFile: ca, certificateKeyFile: clientPem, certificateKeyFilePassword: keyPassword },
        },
        lake: {
          kind: 's3',
          region: s3.region,
          endpoint: s3.endpoint,
          forcePathStyle: true,
          credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
          ...(change.s3 ?? { caFile: ca }),
        },
      },
      queue: {
        kind: 'redis',
        url: redis.url,
        tls: change.redis ?? { caFile: ca, certFile: clientCert, keyFile: clientKey, keyFilePassword: keyPassword },
      },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { connection: 'lake', uri: 's3://lake/{collection}' },
        },
      },
    };
  }

  it('a sync by a worker reads, queues and writes over it; check and dashboard find everything', async () => {
    const worker = space.start('worker');
    await worker.line('worker started');
    const sync = await space.json('sync');
    expect(sync.results).toMatchObject([{ status: 'committed', inserted: 3 }]);
    expect(new Set(door.clients)).toEqual(new Set(['mongolake']));
    await worker.end('SIGTERM');

    const check = await space.run('check');
    expect(check.stdout).toMatch(/ok +queue/);
    expect(check.stdout).not.toMatch(/failed|warning +tls/);
    expect(check.code).toBe(0);

    const dashboard = space.start('dashboard', '--listen', '127.0.0.1:0');
    await dashboard.line('http://127.0.0.1:');
    await dashboard.end('SIGTERM');
  });

  /** What `check` finds wrong: code and hint. */
  const failures = async () => {
    const { ended } = await space.json('check');
    const checks = ended.stdout
      .trim()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as { checks: { status: string; code: string; hint: string }[] }).checks);
    return checks.filter(({ status }) => status === 'failed').map(({ code, hint }) => ({ code, hint }));
  };

  it.each([
    ['MongoDB', { mongodb: {} }, 'SOURCE_UNREACHABLE'],
    ['Redis', { redis: {} }, 'QUEUE_UNREACHABLE'],
    ['S3', { s3: {} }, 'STORE_REFUSED'],
  ])('%s: a server that nobody vouches for is refused, and the hint names the key', async (_name, change, code) => {
    space.configure(config(change));
    expect(await failures()).toEqual([{ code, hint: expect.stringContaining('caFile') }]);
  });

  it('another authority than that of the server is as none', async () => {
    const caFile = certificates.otherCa;
    space.configure(config({ mongodb: { caFile }, redis: { caFile }, s3: { caFile } }));
    const codes = (await failures()).map(({ code }) => code);
    expect(codes).toEqual(['QUEUE_UNREACHABLE', 'SOURCE_UNREACHABLE', 'STORE_REFUSED']);
  });

  it('without a certificate of the client MongoDB and Redis refuse', async () => {
    const { ca: caFile } = certificates;
    space.configure(config({ mongodb: { caFile }, redis: { caFile } }));
    expect((await failures()).map(({ code }) => code)).toEqual(['QUEUE_UNREACHABLE', 'SOURCE_UNREACHABLE']);
  });

  it.each([
    ['no such file', { redis: { caFile: '/nowhere/ca.pem' } }, 'queue.tls: /nowhere/ca.pem can not be read (ENOENT)'],
    [
      'no PEM',
      { s3: { caFile: '/etc/hostname' } },
      'connections.lake.caFile: /etc/hostname holds no PEM block of a certificate',
    ],
  ])('a file that is not right is told before anything is asked: %s', async (_name, change, message) => {
    space.configure(config(change));
    const { ended } = await space.json('check');
    expect(ended.stdout).toContain(message);
    expect(ended.code).toBe(78);
  });

  it('a wrong password of the key is told, and not what it was', async () => {
    const { clientPem: certificateKeyFile } = certificates;
    space.configure(config({ mongodb: { certificateKeyFile, certificateKeyFilePassword: 'canary-wrong-4721' } }));
    const { ended } = await space.json('status');
    expect(ended.stderr).toContain('connections.guest.tls: TLS takes no ');
    expect(ended.code).toBe(78);
    expect(ended.stdout + ended.stderr).not.toMatch(/canary/);
  });
});
