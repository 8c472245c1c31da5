import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { type VaultHouse, vaultHouse } from './vault-house.ts';
import { document } from './worked-example.ts';

const SOON = { timeout: 60_000, interval: 250 };
const SLOW_MS = 180_000;

describeWith(
  ['vault', 'redis', 's3', 'mongodb'],
  'a secret that is changed in Vault while a fleet works',
  (services) => {
    let house: VaultHouse;
    let space: Workspace;
    let client: MongoClient;
    let worker: Running;
    let coordinator: Running;
    let inserted = 0;
    const count = (text: string, { lines }: Running) => lines.filter((line) => line.includes(text)).length;

    /** Inserts a document, and sees it committed. */
    const work = async () => {
      const before = count('"committed"', coordinator);
      inserted += 1;
      await client
        .db(services.mongodb.database)
        .collection<ReturnType<typeof document>>('notifications')
        .insertOne(document(inserted, `A${inserted}`, 'B', new Date()));
      await vi.waitFor(() => expect(count('"committed"', coordinator)).toBeGreaterThan(before), SOON);
    };
    const put = (values: Readonly<Record<string, string>>) =>
      house.ec2.vault.request('POST', 'secret/data/mongolake', { data: values });

    beforeAll(async () => {
      client = await MongoClient.connect(services.mongodb.uri);
      await client.db(services.mongodb.database).collection('notifications').createIndex({ updateTime: 1 });
      house = await vaultHouse(services);
      const { vault, ...config } = house.config as { readonly vault: object };
      space = workspace({ ...config, vault: { ...vault, refreshInterval: '1s' } });
      worker = space.start('--log-level', 'debug', 'worker');
      coordinator = space.start('--log-level', 'debug', 'coordinator');
      await worker.line('worker started');
    });
    afterAll(async () => {
      await space?.close();
      await house?.close();
      await client?.close();
    });

    it('reaches Redis: the old password is refused, every connection is cut, and work goes on', {
      timeout: SLOW_MS,
    }, async () => {
      await work();
      const { port } = house.redis;
      const changed = randomBytes(16).toString('hex');
      const admin = new Redis({ port, password: house.secrets.redis, lazyConnect: true });
      await admin.connect();
      const both = [worker, coordinator].map((one) => count('secrets have changed', one));
      await put({ mongo_password: house.secrets.mongo, redis_password: changed });
      await admin.config('SET', 'requirepass', changed);
      await vi.waitFor(() => {
        for (const [index, one] of [worker, coordinator].entries())
          expect(count('secrets have changed', one)).toBeGreaterThan(both[index] ?? 0);
      }, SOON);
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await admin.quit();
      await work();
      expect((await space.json('status')).results).toMatchObject([{ rows: inserted }]);
      const told = [...worker.lines, ...coordinator.lines].join('\n');
      for (const secret of [changed, house.secrets.redis]) expect(told).not.toContain(secret);
    });

    it('reaches MongoDB with the next run', { timeout: SLOW_MS }, async ({ skip }) => {
      if (services.mongodb.kind !== 'ferretdb') skip('what is sent to a real server is encrypted by its mechanism');
      const changed = randomBytes(16).toString('hex');
      await put({
        mongo_password: changed,
        redis_password: (await house.ec2.vault.request('GET', 'secret/data/mongolake')).data.data.redis_password,
      });
      await vi.waitFor(() => expect(house.heardByMongodb(changed)).toBe(true), SOON);
      await work();
    });
  },
);
