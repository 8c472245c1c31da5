import { readFileSync, statSync } from 'node:fs';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type S3Access, s3Client } from '../services/s3.ts';
import { type Ended, type Workspace, workspace } from './cli.ts';
import { type VaultHouse, vaultHouse } from './vault-house.ts';
import { document, fresh, old, rows, T } from './worked-example.ts';

const NEEDS = ['vault', 'redis', 's3', 'mongodb', 'readers'] as const;
const DEBUG = ['--log-level', 'debug'] as const;

describeWith(NEEDS, 'every credential out of Vault', (services) => {
  const { s3, mongodb } = services;
  let house: VaultHouse;
  let space: Workspace;
  let client: MongoClient;
  let written: Redis;
  /** Every command that reached Redis. */
  const commands: string[] = [];
  const table = `s3://${s3.bucket}/guest/notifications`;
  const nonceFile = () => `${space.folder}/vault-nonce`;
  const read = () => Promise.all((['duckdb', 'deltars'] as const).map((engine) => readTable(engine, table, { s3 })));

  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    house = await vaultHouse(services);
    space = workspace(house.config);
    const asking = new Redis(house.redis.url);
    written = await asking.monitor();
    written.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')));
    asking.disconnect();
  });
  afterAll(async () => {
    written?.disconnect();
    await space?.close();
    await house?.close();
    await client?.close();
  });

  it('gives the four rows with coordinator, workers and syncs of one nonce, and tells no secret to anybody', async () => {
    const collection = client.db(mongodb.database).collection<ReturnType<typeof document>>('notifications');
    await collection.createIndex({ updateTime: 1 });
    await collection.insertMany(old.map((one) => ({ ...one })));

    // Started at once on a machine that never logged in: one makes the nonce, the other finds it.
    const workers = [space.start(...DEBUG, 'worker'), space.start(...DEBUG, 'worker')];
    await Promise.all(workers.map((worker) => worker.line('worker started')));
    const nonce = readFileSync(nonceFile(), 'utf8');
    expect(nonce).toMatch(/^\S{16,128}\n?$/);
    expect(statSync(nonceFile()).mode & 0o777).toBe(0o600);

    const backfill = await space.json(...DEBUG, 'backfill');
    expect(backfill.results).toMatchObject([{ status: 'committed', version: 0, inserted: 3 }]);
    expect(house.heardPassword()).toBe(true);
    await collection.replaceOne({ _id: 3 }, document(3));
    await collection.insertOne(document(4));
    const sync = await space.json(...DEBUG, 'sync', '--from', T(2).toISOString());
    expect(sync.results).toMatchObject([{ version: 1, read: 2, inserted: 1, updated: 1 }]);
    expect(await read()).toEqual([rows(fresh), rows(fresh)]);

    const coordinator = space.start(...DEBUG, 'coordinator');
    const now = document(5, 'A5', 'B5', new Date());
    await collection.insertOne(now);
    await vi.waitFor(async () => expect(await readTable('deltars', table, { s3 })).toHaveLength(5), {
      timeout: 60_000,
      interval: 500,
    });
    expect(await read()).toEqual([rows([...fresh, now]), rows([...fresh, now])]);

    const processes = [coordinator, ...workers];
    const kept = await keysOf(house.redis.url);
    expect(await Promise.all(processes.map((one) => one.end('SIGTERM')))).toEqual([0, 0, 0]);
    expect(readFileSync(nonceFile(), 'utf8')).toBe(nonce);
    expect(house.ec2.metadata.refused).toBe(0);
    expect(house.ec2.metadata.given).toBeGreaterThanOrEqual(5);

    const printed = (ended: Ended) => ended.stdout + ended.stderr;
    const objects = await objectsOf(s3);
    expect(commands.join('\n')).toContain('extract');
    expect([...objects.keys()].some((key) => key.includes('/_mongolake/'))).toBe(true);
    const places = new Map([
      ['the configuration', readFileSync(`${space.folder}/mongolake.yaml`, 'utf8')],
      ['what backfill printed', printed(backfill.ended)],
      ['what sync printed', printed(sync.ended)],
      ['what coordinator and workers printed', processes.flatMap(({ lines }) => lines).join('\n')],
      ['what went to Redis', commands.join('\n')],
      ['what Redis keeps', kept],
      ...objects,
    ]);
    const secrets = { ...house.secrets, nonce: nonce.trim(), token: 'hvs.' };
    for (const [name, secret] of Object.entries(secrets)) {
      for (const [place, text] of places) expect(text.includes(secret), `${name} in ${place}`).toBe(false);
      // That is also what the run has deleted since.
      expect(house.heardByStore(secret), `${name} in what went to S3`).toBe(false);
    }
  });
});

/** All keys and what is in them, as text. */
async function keysOf(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const texts: string[] = [];
    for await (const keys of redis.scanStream({ count: 1000 })) {
      for (const key of keys as string[]) {
        const hash = (await redis.type(key)) === 'hash';
        const value = hash
          ? JSON.stringify(await redis.hgetall(key))
          : (await redis.dumpBuffer(key))?.toString('latin1');
        texts.push(`${key} ${value}`);
      }
    }
    return texts.join('\n');
  } finally {
    redis.disconnect();
  }
}

/** All objects of a bucket: key → bytes, as Latin-1. */
async function objectsOf(s3: S3Access & { readonly bucket: string }): Promise<Map<string, string>> {
  const objects = new Map<string, string>();
  const client = s3Client(s3);
  const Bucket = s3.bucket;
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket })) {
      for (const { Key } of page.Contents ?? []) {
        const object = await client.send(new GetObjectCommand({ Bucket, Key }));
        objects.set(`${Key}`, (await object.Body?.transformToString('latin1')) ?? '');
      }
    }
    return objects;
  } finally {
    client.destroy();
  }
}
