// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to secrets are written so
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { writeDump } from '../e2e/dump.ts';
import { render } from '../helm/chart.ts';
import { readDockerfile } from '../services/compose.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import type { S3Access } from '../services/s3.ts';
import { freePort } from '../services/server.ts';
import { ROOT, readText } from './files.ts';
import { type Image, openImage, type Run } from './image.ts';
import { startPod } from './pod.ts';

const DOCS = 2000;
const AS_OF = '2026-06-01T00:00:00Z';
/** An address at which nobody answers. */
const NOBODY = 'http://127.0.0.1:9';
const LEAST = {
  version: 1,
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['*'] },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
};
/** What docs/docker.md tells, and some. */
const MAX_MB = 250;
/** Tries to write a file into every folder of the container; prints those where it could. */
const WRITE_EVERYWHERE = `
const { readdirSync, writeFileSync } = require('node:fs');
const refused = {};
for (const folders = ['/']; folders.length > 0; ) {
  const folder = folders.pop();
  if (folder === '/proc/') continue;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) folders.push(folder + entry.name + '/');
  try {
    writeFileSync(folder + 'written', '');
    console.log(folder);
  } catch ({ code }) {
    refused[code] = (refused[code] ?? 0) + 1;
  }
}
console.error(JSON.stringify(refused));
`;

/** A copy of 200 MB may take its time. */
const OPEN_MS = 300_000;
let opened: Promise<Image> | undefined;
/** One for all suites: it takes seconds to make. */
const open = () => {
  opened ??= openImage();
  return opened;
};
afterAll(async () => (await opened)?.close());

/** A container of the image as `docker run` makes it: a configuration, and a volume for the temporary files. */
function run(image: Image, config: unknown): Run & { readonly folder: string; readonly scratch: string } {
  const folder = image.configured(config);
  const scratch = image.folder();
  const [at = '?'] = Object.keys(image.config.Volumes ?? {});
  return {
    folder,
    scratch,
    mounts: [
      { from: folder, at: image.config.WorkingDir ?? '?' },
      { from: scratch, at, writable: true },
    ],
  };
}

describeWith(['namespaces', 'compose'], "the image's root file system, read-only and without privileges", () => {
  let image: Image;
  beforeAll(async () => {
    image = await open();
  }, OPEN_MS);
  const node = (...args: string[]) => image.run({ ...run(image, ''), entrypoint: ['node'] }, ...args);

  it('is what the Dockerfile makes: of its last step all else is a setting', async () => {
    const { stages } = await readDockerfile(join(ROOT, 'Dockerfile'));
    const [last, build] = [stages.at(-1), stages.at(-2)];
    expect([last?.name, last?.from, build?.name]).toEqual(['mongolake', 'scratch', 'build']);
    const made = last?.instructions.filter(({ name }) => ['COPY', 'ADD', 'RUN'].includes(name)).map(({ text }) => text);
    expect(made).toEqual(['COPY --from=build /rootfs /']);
    expect(build?.instructions.at(-1)?.text).toMatch(/^RUN sh docker\/rootfs\.sh \/rootfs\s+&& /);
  });

  it('has its user, its working directory and its volumes, and neither a shell nor npm', () => {
    for (const folder of [image.config.WorkingDir ?? '?', ...Object.keys(image.config.Volumes ?? { '?': {} })])
      expect(statSync(join(image.root, folder)).isDirectory(), folder).toBe(true);
    expect(readdirSync(join(image.root, 'usr/bin'))).toEqual(['env']);
    expect(readdirSync(join(image.root, 'usr/local/bin')).sort()).toEqual(['mongolake', 'node']);
    const packages = join(image.root, 'opt/mongolake/node_modules');
    for (const development of ['typescript', 'vitest', '.bin'])
      expect(existsSync(join(packages, development)), development).toBe(false);
    expect(existsSync(join(packages, 'bullmq'))).toBe(true);
  });

  it(`is smaller than ${MAX_MB} MB`, () => {
    const kilobytes = Number(execFileSync('du', ['-sk', image.root], { encoding: 'utf8' }).split('\t')[0]);
    expect(kilobytes / 1024).toBeLessThan(MAX_MB);
  });

  it('runs as its user, with no capability and no way to one, and may write to its volume alone', async () => {
    const status = await node('--print', "require('node:fs').readFileSync('/proc/self/status', 'utf8')");
    expect(status.stdout).toMatch(/^Uid:(?:\t10001){4}$/m);
    expect(status.stdout).toMatch(/^Gid:(?:\t10001){4}$/m);
    for (const kind of ['Inh', 'Prm', 'Eff', 'Amb'])
      expect(status.stdout).toMatch(new RegExp(`^Cap${kind}:\t0+$`, 'm'));
    expect(status.stdout).toMatch(/^NoNewPrivs:\t1$/m);
    const written = await node('--eval', WRITE_EVERYWHERE);
    expect(written.stdout.trim().split('\n')).toEqual(['/var/tmp/mongolake/']);
    expect(Object.keys(JSON.parse(written.stderr))).toEqual(['EROFS']);
  });

  it('finds every package that mongolake asks for, and names in the files that an engine brings', async () => {
    const script = `
      const { createRequire } = await import('node:module');
      const { lookup } = await import('node:dns/promises');
      const require = createRequire('/opt/mongolake/dist/cli.js');
      const { dependencies, optionalDependencies } = require('/opt/mongolake/package.json');
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) await import(require.resolve(name));
      console.log((await lookup('localhost', 4)).address);`;
    const { stdout, stderr } = await node('--input-type=module', '--eval', script);
    expect({ stdout, stderr }).toEqual({ stdout: '127.0.0.1\n', stderr: '' });
  });

  it('is not healthy where what it serves says so, and is where it serves nothing', async () => {
    const serve = (status: number) => `
      require('node:http').createServer((_, response) => response.writeHead(${status}).end())
        .listen(0, '127.0.0.1', () => console.log('serving'));`;
    const health = async (script: string, user?: number, how: Run = { ...run(image, ''), entrypoint: ['node'] }) => {
      const contained = image.start(how, '--eval', script);
      await contained.line('serving');
      const { code, stdout } = await contained.health(user);
      await contained.end('SIGKILL');
      return { code, stdout: stdout.replace(/:\d+\//, ':PORT/').trim() };
    };
    const url = 'http://127.0.0.1:PORT/healthz';
    expect(await health(serve(200))).toEqual({ code: 0, stdout: `${url}: 200` });
    expect(await health(serve(503))).toEqual({ code: 1, stdout: `${url}: 503` });
    const mute =
      "require('node:net').createServer((socket) => socket.destroy()).listen(0, '127.0.0.1', () => console.log('serving'))";
    expect(await health(mute)).toMatchObject({ code: 1, stdout: expect.stringContaining(`${url}: `) });
    const silent = "console.log('serving'); setInterval(() => {}, 1000)";
    expect(await health(silent)).toEqual({ code: 0, stdout: 'nothing is served' });
    const unseen = "what is served can't be told: /proc shows no other process of user 10002";
    for (const script of [serve(200), silent]) expect(await health(script, 10002)).toEqual({ code: 1, stdout: unseen });
    // The kernel hides the files of a process whose program its user can't read.
    const bin = image.folder();
    copyFileSync(join(image.root, 'usr/local/bin/node'), join(bin, 'node'));
    chmodSync(join(bin, 'node'), 0o111);
    const hidden: Run = { mounts: [{ from: bin, at: '/var/tmp/mongolake' }], entrypoint: ['/var/tmp/mongolake/node'] };
    expect(await health(serve(503), undefined, hidden)).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^what is served can't be told: EACCES.*'\/proc\/1\/fd'$/),
    });
    const dual = serve(200).replace("'127.0.0.1'", "'::1'");
    expect(await health(dual)).toEqual({
      code: 0,
      stdout: 'http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/healthz: 200',
    });
  });

  it('keeps the nonce of an EC2 login where a volume is mounted for it, and says so where there is none', async () => {
    const vault = { address: NOBODY, retryFor: '0s', auth: { method: 'ec2', role: 'mongolake', metadataUrl: NOBODY } };
    const how = run(image, { ...LEAST, vault, connections: { guest: { kind: 'mongodb', uri: '${vault:a/b#c}' } } });
    const refused = await image.run(how, 'check');
    expect(refused.stdout).toContain('/var/lib/mongolake/vault-nonce: the client nonce can not be kept there (EROFS)');
    expect(refused.code).toBe(78);
    const kept = image.folder();
    const state = { from: kept, at: '/var/lib/mongolake', writable: true };
    // The metadata service is not there.
    expect((await image.run({ ...how, mounts: [...how.mounts, state] }, 'check')).code).toBe(75);
    expect(readdirSync(kept)).toEqual(['vault-nonce']);
  });
});

describeWith(['namespaces', 'compose', 's3', 'readers'], 'the image at work as `docker run` starts it', ({ s3 }) => {
  let image: Image;
  beforeAll(async () => {
    image = await open();
  }, OPEN_MS);

  it('tells its version', async () => {
    const { version } = JSON.parse(readText('package.json')) as { readonly version: string };
    const { code, stdout } = await image.run(run(image, ''), '--version');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` });
  });

  it.each(['duckdb', 'parquetjs'])('with %s, loads a dump into a folder and into S3', async (engine) => {
    const source = { connection: 'guest', database: 'guest', collections: ['notifications'] };
    const { bucket, ...access } = s3;
    const how = run(image, {
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' }, lake: connectionOf(access) },
      queue: { kind: 'local' },
      defaults: { engine, partitions: 4 },
      pipelines: {
        disk: { source, table: { uri: 'file:/var/tmp/mongolake/lake/{collection}' } },
        store: { source, table: { connection: 'lake', uri: `s3://${bucket}/${engine}/{collection}` } },
      },
    });
    writeDump(`${how.folder}/dump/guest/notifications.bson`, [...notifications({ docs: DOCS })], new Date(AS_OF));
    const checked = await image.run(how, 'check', 'store');
    expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    for (const pipeline of ['disk', 'store']) {
      const synced = await image.run(how, '--log-level', 'warn', 'sync', pipeline);
      expect(synced.code, synced.stdout + synced.stderr).toBe(0);
    }
    const tables = [`${how.scratch}/lake/notifications`, `s3://${bucket}/${engine}/notifications`];
    for (const table of tables) expect(await readTable('duckdb', table, { columns: ['_id'], s3 })).toHaveLength(DOCS);
    // Of temporary files none is left.
    expect(readdirSync(how.scratch)).toEqual(['lake']);
  });
});

const AT_WORK = ['namespaces', 'compose', 'kubernetes', 'redis', 's3', 'mongodb', 'readers'] as const;
describeWith(AT_WORK, "the image in the chart's pods", ({ redis, s3, mongodb }) => {
  let image: Image;
  beforeAll(async () => {
    image = await open();
    const client = await MongoClient.connect(mongodb.uri);
    const collection = client.db(mongodb.database).collection('notifications');
    await collection.insertMany([...notifications({ docs: DOCS, decimals: mongodb.kind !== 'ferretdb' })]);
    await collection.createIndex({ updateTime: 1 });
    await client.close();
  }, OPEN_MS);

  /** Starts a component with metrics at a port of its own: on this machine pods share their addresses. */
  const start = async (component: string) => {
    const { bucket, ...access } = s3;
    const { hostname, port } = new URL(redis.url);
    const values = {
      existingSecret: 'credentials',
      redis: { host: hostname, port: Number(port), prefix: redis.prefix },
      metrics: { port: await freePort() },
      config: {
        connections: {
          guest: { kind: 'mongodb', uri: '${MONGODB_URI}' },
          lake: connectionOf(access, { accessKeyId: '${S3_KEY}', secretAccessKey: '${S3_SECRET}' }),
        },
        // Compressing hard makes merges long.
        defaults: { partitions: 2, compressionLevel: 19, schedule: '1s' },
        log: { level: 'debug' },
        pipelines: {
          guest: {
            source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
            table: { connection: 'lake', uri: `s3://${bucket}/chart/{collection}` },
          },
        },
      },
    };
    return startPod(image, await render(values), component, {
      MONGODB_URI: mongodb.uri,
      S3_KEY: s3.accessKeyId,
      S3_SECRET: s3.secretAccessKey,
    });
  };

  it('makes a table, tells its health, and a worker that is told to end finishes its merge', async () => {
    const coordinator = await start('coordinator');
    const worker = await start('worker');
    await worker.contained.line('worker started');
    await worker.contained.line('merge started');
    for (const { contained } of [coordinator, worker]) {
      const { code, stdout } = await contained.health();
      expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/healthz: 200\n$/);
      expect(code).toBe(0);
    }
    expect(await worker.contained.end('SIGTERM')).toBe(0);
    const { lines } = worker.contained;
    const after = lines.slice(lines.findIndex((line) => line.includes('SIGTERM')));
    expect(after.filter((line) => line.includes('merge done'))).toHaveLength(2);
    await coordinator.contained.line('committed');
    expect(await coordinator.contained.end('SIGTERM')).toBe(0);
    const rows = await readTable('duckdb', `s3://${s3.bucket}/chart/notifications`, { columns: ['_id'], s3 });
    expect(rows).toHaveLength(DOCS);
    for (const { scratch } of [coordinator, worker]) expect(readdirSync(scratch)).toEqual([]);
  });
});

function connectionOf(
  { endpoint, region, accessKeyId, secretAccessKey }: S3Access,
  credentials: object = { accessKeyId, secretAccessKey },
): object {
  return { kind: 's3', endpoint, region, forcePathStyle: true, credentials };
}
