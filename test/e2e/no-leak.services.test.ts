import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Certificates, makeCertificates, openTlsDoor, type TlsDoor } from '../services/certificates.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { addUser, type S3Server, s3Client, startS3 } from '../services/s3.ts';
import { type WebhookReceiver, webhookReceiver } from '../shared/adapters/receiver.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { document } from './worked-example.ts';

/** One for every place of a configuration that holds a secret, but for Vault, whose suites have their own. */
const CANARY = {
  mongodb: 'canary-mongodb-4740',
  mongodbKey: 'canary-mongodb-key-4741',
  redis: 'canaryredis4742',
  s3: 'canary-s3-4743',
  session: 'canary-session-4744',
  hashKey: 'canary-hash-key-4745-of-32-letters',
  dashboard: 'canary-dashboard-4746',
  notifyPath: 'canary-notify-path-4747',
  notifyHeader: 'canary-notify-header-4748',
} as const;
const CANARIES = Object.values(CANARY);
const DEBUG = ['--log-level', 'debug', '--log-format', 'json'] as const;

describeWith(['mongodb', 'redis', 's3'], 'no secret leaves', ({ mongodb }) => {
  let certificates: Certificates;
  let door: TlsDoor;
  let redis: RedisServer;
  let s3: S3Server;
  let space: Workspace;
  let receiver: WebhookReceiver;
  /** Everything that was printed or answered. */
  const told: string[] = [];

  beforeAll(async () => {
    certificates = await makeCertificates(CANARY.mongodbKey);
    door = await openTlsDoor(Number(new URL(mongodb.uri).port), certificates);
    redis = required(await startRedis({ password: CANARY.redis }));
    s3 = required(await startS3({ users: true }));
    await s3.createBucket('lake');
    await addUser(s3, 'lake', CANARY.s3);
    const Statement = [
      {
        Effect: 'Allow',
        Principal: { AWS: ['lake'] },
        Action: 's3:*',
        Resource: ['arn:aws:s3:::lake', 'arn:aws:s3:::lake/*'],
      },
    ];
    const root = s3Client(s3);
    await root.send(
      new PutBucketPolicyCommand({ Bucket: 'lake', Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }),
    );
    root.destroy();
    receiver = await webhookReceiver((response, before) => {
      // The first is delivered; others are refused, which the log tells.
      response.statusCode = before === 0 ? 200 : 403;
      response.end();
    });
    space = workspace(config());
    const client = await MongoClient.connect(mongodb.uri);
    const collection = client.db(mongodb.database).collection<ReturnType<typeof document>>('notifications');
    await collection.createIndex({ updateTime: 1 });
    await collection.insertMany([1, 2, 3].map((id) => document(id)));
    await client.close();
  });
  afterAll(async () => {
    await space?.close();
    await receiver?.close();
    await redis?.stop();
    await s3?.stop();
    await door?.close();
    certificates?.remove();
  });

  function config(change: { mongodb?: object; lake?: object; queue?: object; more?: object } = {}): object {
    // FerretDB takes any password of this mechanism; a real MongoDB has no such user.
    const login =
      mongodb.kind === 'ferretdb' ? { user: `reader:${CANARY.mongodb}@`, by: '&authMechanism=PLAIN' } : undefined;
    return {
      version: 1,
      connections: {
        guest: {
          kind: 'mongodb',
          uri: `mongodb://${login?.user ?? ''}127.0.0.1:${door.port}/?directConnection=true${login?.by ?? ''}`,
          tls: {
            caFile: certificates.ca,
            certificateKeyFile: certificates.clientPem,
            certificateKeyFilePassword: CANARY.mongodbKey,
          },
          serverSelectionTimeout: '2s',
          ...change.mongodb,
        },
        lake: {
          kind: 's3',
          region: s3.region,
          endpoint: s3.endpoint,
          forcePathStyle: true,
          credentials: { accessKeyId: 'lake', secretAccessKey: CANARY.s3 },
          ...change.lake,
        },
      },
      queue: { kind: 'redis', url: redis.url, ...change.queue },
      hashKey: CANARY.hashKey,
      dashboard: { password: CANARY.dashboard },
      notify: [
        {
          url: `${receiver.origin}/hooks/${CANARY.notifyPath}`,
          events: ['failed', 'committed'],
          headers: { authorization: `Bearer ${CANARY.notifyHeader}` },
        },
      ],
      worker: { scratch: './scratch' },
      defaults: { partitions: 2, schedule: '1s', columns: { hash: ['type'] } },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { connection: 'lake', uri: 's3://lake/{collection}' },
        },
      },
      ...change.more,
    };
  }

  const run = async (...args: string[]) => {
    const ended = await space.run(...DEBUG, ...args);
    told.push(ended.stdout, ended.stderr);
    return ended;
  };
  const seen = (text: string) => CANARIES.filter((canary) => text.includes(canary));

  it('while everything works: not in logs, metrics, pages, Redis, objects, scratch, arguments or environments', async () => {
    const running: Running[] = [space.start(...DEBUG, 'worker', '--listen', '127.0.0.1:0')];
    const [worker] = running as [Running];
    await worker.line('worker started');
    expect((await run('--json', 'backfill')).stdout).toContain('"inserted":3');
    for (const command of ['check', 'plan', 'status', 'verify', 'history', 'head'])
      expect((await run(command)).code).toBe(0);
    running.push(space.start(...DEBUG, 'coordinator', '--listen', '127.0.0.1:0'));
    running.push(space.start(...DEBUG, 'dashboard', '--listen', '127.0.0.1:0'));
    for (const one of running) {
      const line = await one.line('at http://127.0.0.1:');
      const { origin } = new URL(/http:[^" ]+/.exec(line)?.[0] ?? '');
      const authorization = `Basic ${Buffer.from(`mongolake:${CANARY.dashboard}`).toString('base64')}`;
      for (const path of [
        '/metrics',
        '/healthz',
        '/readyz',
        '/queues/',
        '/queues/api/queues?activeQueue=jobs&status=completed',
      ]) {
        const answer = await fetch(`${origin}${path}`, { headers: { authorization } });
        told.push(JSON.stringify([...answer.headers]), await answer.text());
      }
    }
    for (const { child } of running) {
      // What it was given: its own command line and environment, which hold none; and those of whatever it has started.
      for (const pid of familyOf(child.pid ?? 0))
        for (const file of ['cmdline', 'environ']) told.push(readFileSync(`/proc/${pid}/${file}`, 'latin1'));
    }
    for (const one of running) {
      await one.end('SIGTERM');
      told.push(one.lines.join('\n'));
    }
    expect(told.join('\n')).toContain('"extract started"');
    expect(told.join('\n')).toContain('mongolake_');
    expect(receiver.received[0]?.path).toContain(CANARY.notifyPath);
    // Every command that changed anything in Redis, and every object with what the store keeps of it.
    const kept = [...filesBelow(redis.dir), ...filesBelow(s3.dir), ...filesBelow(join(space.folder, 'scratch'))];
    expect(kept.length).toBeGreaterThan(5);
    for (const path of kept) expect(seen(readFileSync(path, 'latin1')), path).toEqual([]);
    expect(seen(told.join('\n'))).toEqual([]);
  });

  it.each<[string, Parameters<typeof config>[0]]>([
    [
      'a key password that is wrong',
      { mongodb: { tls: { certificateKeyFilePassword: 'canary-wrong-key', certificateKeyFile: '' } } },
    ],
    ['a URI that is none', { mongodb: { uri: `mongodb://reader:${CANARY.mongodb}@h@x:1/?a` } }],
    ['MongoDB not there', { mongodb: { uri: `mongodb://reader:${CANARY.mongodb}@127.0.0.1:1/`, tls: {} } }],
    [
      'an option that the driver refuses',
      { mongodb: { uri: `mongodb://h/?tlsCertificateKeyFilePassword=${CANARY.mongodb}&x=${CANARY.mongodb}` } },
    ],
    [
      'S3 that refuses',
      { lake: { credentials: { accessKeyId: 'other', secretAccessKey: CANARY.s3, sessionToken: CANARY.session } } },
    ],
    ['S3 that does not speak TLS', { lake: { endpoint: 'https://127.0.0.1:1' } }],
    ['Redis not there', { queue: { url: `redis://:${CANARY.redis}@127.0.0.1:1` } }],
    ['Redis that refuses', { queue: { url: 'redis://REDIS/' } }],
    [
      'a webhook that is not there',
      {
        more: {
          notify: [{ url: `http://127.0.0.1:1/${CANARY.notifyPath}`, headers: { authorization: CANARY.notifyHeader } }],
        },
        queue: { url: 'redis://127.0.0.1:1' },
      },
    ],
    [
      'a webhook that is none',
      { more: { notify: [{ url: `http://user:${CANARY.notifyHeader}@h/${CANARY.notifyPath}` }] } },
    ],
    ['a configuration of other keys', { more: { hashKey: { secret: CANARY.hashKey }, pasword: CANARY.dashboard } }],
  ])('not where something fails: %s', async (_name, change) => {
    const text = stringify(config(change))
      .replace('redis://REDIS/', `redis://someone:${CANARY.redis}x@127.0.0.1:${redis.port}`)
      .replace('certificateKeyFile: ""', `certificateKeyFile: ${certificates.clientPem}`);
    space.configure(text);
    for (const { code, stdout, stderr } of await Promise.all([run('--json', 'sync'), run('check')])) {
      expect(code).not.toBe(0);
      expect(seen(stdout + stderr)).toEqual([]);
      expect(stdout + stderr).not.toContain('canary-wrong-key');
    }
  });

  it('not where the process dies of an error that nobody caught, whatever that carries', async () => {
    space.configure(config());
    space.write(
      'crash.mjs',
      `import { isMainThread } from 'node:worker_threads';
       if (isMainThread) setTimeout(() => {
         const cause = Object.assign(new Error('AUTH ${CANARY.redis}'), { command: { args: ['${CANARY.s3}'] } });
         throw Object.assign(new Error('reply to ${CANARY.mongodb}', { cause }), { request: '${CANARY.hashKey}' });
       }, 2500);`,
    );
    const worker = space.startWith({ NODE_OPTIONS: `--import ${space.folder}/crash.mjs` }, ...DEBUG, 'worker');
    await worker.line('worker started');
    const code = await new Promise((resolve) => worker.child.on('close', resolve));
    expect(code).toBe(1);
    const text = worker.lines.join('\n');
    expect(text).toContain('a bug: reply to *** [INTERNAL]');
    expect(seen(text)).toEqual([]);
  });
});

/** A process and everything that it has started. */
function familyOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [[Number(name), Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1])] as const];
      } catch {
        // ended meanwhile
        return [];
      }
    });
  const below = (of: number): readonly number[] => [
    of,
    ...parents.filter(([, parent]) => parent === of).flatMap(([child]) => below(child)),
  ];
  return below(pid);
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
