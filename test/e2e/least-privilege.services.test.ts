import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GetObjectCommand, ListObjectsV2Command, PutBucketPolicyCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { notifications } from '../../examples/sample/collection.ts';
import { aclCommands, aclLines, bucketPolicy } from '../docs/security-page.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { addUser, type S3Access, type S3Server, s3Client, startS3 } from '../services/s3.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const DOCS = 4000;
const PASSWORD = 'canary-acl-4731';
const ROLES = ['coordinator', 'worker', 'dashboard', 'reader'] as const;
type Role = (typeof ROLES)[number];

/** Each process with what docs/security.md gives it and nothing else, in a Redis and a store that enforce it. */
describeWith(['redis', 's3', 'readers'], 'least privilege', () => {
  let redis: RedisServer;
  let s3: S3Server;
  let space: Workspace;
  let users: Record<Role, S3Access>;
  const as = (role: Role) => ['-c', `${space.folder}/${role}.yaml`, '--log-level', 'debug'] as const;

  beforeAll(async () => {
    redis = required(
      await startRedis({ acl: ['user default on nopass ~* &* +@all', ...aclLines('{mongolake}', PASSWORD)] }),
    );
    s3 = required(await startS3({ users: true }));
    await s3.createBucket('lake');
    const made = [];
    for (const role of ROLES) made.push([role, await addUser(s3, role, `${role}-secret-4732`)] as const);
    users = Object.fromEntries(made) as Record<Role, S3Access>;
    const root = s3Client(s3);
    const Policy = bucketPolicy('lake', { coordinator: 'coordinator', worker: 'worker', reader: 'reader' });
    await root.send(new PutBucketPolicyCommand({ Bucket: 'lake', Policy }));
    root.destroy();
    space = workspace({ version: 1 });
    for (const role of ROLES) space.write(`${role}.yaml`, stringify(config(role)));
    const seed = [...notifications({ docs: DOCS, seed: 5 })];
    writeDump(`${space.folder}/dump/guest/notifications.bson`, seed, new Date('2026-06-01T00:00:00Z'));
  });
  afterAll(async () => {
    await space?.close();
    await redis?.stop();
    await s3?.stop();
  });

  function config(role: Role): object {
    const { accessKeyId, secretAccessKey } = users[role];
    return {
      version: 1,
      connections: {
        guest: { kind: 'dump', path: './dump' },
        lake: {
          kind: 's3',
          region: s3.region,
          endpoint: s3.endpoint,
          forcePathStyle: true,
          credentials: { accessKeyId, secretAccessKey },
        },
      },
      queue: {
        kind: 'redis',
        url: `redis://mongolake-${role}:${PASSWORD}@127.0.0.1:${redis.port}/0`,
        lockDuration: '2s',
      },
      defaults: { partitions: 8, leaseTtl: '5s', schedule: '1s' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { connection: 'lake', uri: 's3://lake/guest/{collection}' },
        },
      },
    };
  }

  it('is enough for every job of theirs, with workers that die and are told to stop, and for a reader', async () => {
    const first = space.start(...as('worker'), 'worker', '--concurrency', '1');
    await first.line('worker started');
    const sync = space.start(...as('coordinator'), '--json', 'sync');
    await first.line('merge started');
    await first.end('SIGKILL');
    const second = space.start(...as('worker'), 'worker', '--concurrency', '1', '--listen', '127.0.0.1:0');
    await second.line('merge started');
    await second.end('SIGTERM');
    const third = space.start(...as('worker'), 'worker');
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    for (const command of [['backfill'], ['verify'], ['repartition', '--partitions', '16'], ['vacuum'], ['check']]) {
      const ended = await space.run(...as('coordinator'), ...command);
      expect(`${command[0]}: ${ended.code} ${ended.code === 0 ? '' : ended.stderr}`).toBe(`${command[0]}: 0 `);
    }
    await third.end('SIGTERM');
    const reader = { ...users.reader, bucket: 'lake' };
    for (const engine of ['duckdb', 'deltars'] as const) {
      const rows = await readTable(engine, 's3://lake/guest/notifications', { s3: reader, columns: ['_id'] });
      expect(rows).toHaveLength(DOCS);
    }
    const dashboard = space.start(...as('dashboard'), 'dashboard', '--listen', '127.0.0.1:0');
    const [url = ''] = /http:\S+\d/.exec(await dashboard.line('http://127.0.0.1:')) ?? [];
    const { origin } = new URL(url);
    for (const page of ['completed', 'failed', 'active', 'latest']) {
      const answer = await fetch(`${origin}/queues/api/queues?activeQueue=jobs&status=${page}`);
      expect(answer.status).toBe(200);
    }
    await dashboard.end('SIGTERM');
    const admin = new Redis(redis.url);
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    admin.disconnect();
  });

  it.each<[Role, 'put' | 'get', string]>([
    ['worker', 'put', 'guest/notifications/_delta_log/00000000000000000099.json'],
    ['worker', 'put', 'guest/notifications/_mongolake/lease.json'],
    ['worker', 'put', 'other/notifications/data/000000/x.parquet'],
    ['coordinator', 'put', 'guest/notifications/data/000000/x.parquet'],
    ['reader', 'put', 'guest/notifications/data/000000/x.parquet'],
    ['reader', 'get', 'guest/notifications/_mongolake/freshness.json'],
  ])('is not enough for a %s to %s %s', async (role, verb, Key) => {
    const client = s3Client(users[role]);
    const place = { Bucket: 'lake', Key, ...(verb === 'put' ? { Body: 'x' } : {}) };
    const asked = verb === 'put' ? client.send(new PutObjectCommand(place)) : client.send(new GetObjectCommand(place));
    await expect(asked).rejects.toMatchObject({ name: 'AccessDenied' });
    const listing = client.send(new ListObjectsV2Command({ Bucket: 'lake' }));
    expect((await listing).KeyCount).toBeGreaterThan(0);
    client.destroy();
  });

  it.each([
    ['worker', ['FLUSHALL']],
    ['worker', ['CONFIG', 'GET', '*']],
    ['worker', ['GET', 'somebody-else']],
    ['coordinator', ['KEYS', '*']],
    ['coordinator', ['PUBLISH', 'a', 'b']],
    ['dashboard', ['DEL', '{mongolake}:jobs:wait']],
    ['dashboard', ['EVAL', "return redis.call('DEL', KEYS[1])", '1', '{mongolake}:jobs:wait']],
  ])('is not enough for a %s to %j', async (role, [command = '', ...args]) => {
    const client = new Redis(`redis://mongolake-${role}:${PASSWORD}@127.0.0.1:${redis.port}`);
    await expect(client.call(command, ...args)).rejects.toThrow(/NOPERM|can.t run this command/);
    client.disconnect();
  });
});

/** What the paths that no test walks would ask for. */
describe("the commands of BullMQ's scripts", () => {
  const folder = createRequire(import.meta.url)
    .resolve('bullmq')
    .replace(/dist\/.*$/, 'dist/cjs/scripts/');
  it.each([
    ['coordinator', ['addPrioritizedJob-9', 'addStandardJob-9', 'removeJob-2', 'getCounts-1']],
    [
      'worker',
      [
        'getCounts-1',
        'moveToActive-11',
        'moveToFinished-14',
        'moveStalledJobsToWait-9',
        'retryJob-11',
        'extendLocks-1',
      ].concat(['moveToDelayed-11', 'moveJobFromActiveToWait-9', 'updateProgress-3', 'isJobInList-1']),
    ],
  ])('are all on the list of a %s', (role, scripts) => {
    const allowed = aclCommands(`mongolake-${role}`);
    for (const script of scripts) {
      const text = readFileSync(`${folder}${script}.js`, 'utf8');
      const used = [...text.matchAll(/(?:rcall|redis\.call)\(\\?["']([A-Za-z]+)/g)].map((match) =>
        match[1]?.toLowerCase(),
      );
      expect(used.length).toBeGreaterThan(0);
      expect(used.filter((command) => !allowed.has(command ?? ''))).toEqual([]);
    }
  });
});
