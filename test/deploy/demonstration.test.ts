import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config, MongodbConnection, S3Connection } from '../../src/shared/config/schema.ts';
import { loadConfig } from '../../src/shared/config.ts';
import { mongolakeServices, ROOT, readCompose, readText } from './files.ts';
import { runStubbed } from './stub.ts';

const FOLDER = 'examples/compose';
const FILE = join(ROOT, FOLDER, 'mongolake.yaml');
const compose = readCompose();
const { services } = compose;
const environmentOf = (name: string) => services[name]?.environment ?? {};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-deploy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the one-shot job writes to Vault: the reference that answers it, and the value. */
function written(): ReadonlyMap<string, string> {
  const run = runStubbed(`${FOLDER}/vault-secrets.sh`, [], { folder, program: 'vault', env: environmentOf('secrets') });
  expect(run.code).toBe(0);
  const [call = []] = run.calls;
  expect(call.slice(0, 4)).toEqual(['kv', 'put', '-mount=secret', 'mongolake']);
  return new Map(
    call.slice(4).map((pair) => {
      const [key, ...value] = pair.split('=');
      return [`secret/data/mongolake#${key}`, value.join('=')];
    }),
  );
}

describe('the configuration of the demonstration', () => {
  let secrets: ReadonlyMap<string, string>;
  let asked: Set<string>;
  let config: Config;

  beforeAll(async () => {
    secrets = written();
    asked = new Set();
    const loaded = await loadConfig(FILE, environmentOf('coordinator'), async () => ({
      description: 'what the job wrote',
      keepAlive: async () => {},
      leased: false,
      holds: () => false,
      read: async (references) =>
        references.map(({ path, key }) => {
          asked.add(`${path}#${key}`);
          const value = secrets.get(`${path}#${key}`);
          return value === undefined ? { missing: `${path} has no ${key}` } : { value };
        }),
    }));
    config = loaded.config;
  });

  it.each(mongolakeServices(compose))(
    '%s: finds it where the image looks, with the variables that it needs',
    (_, service) => {
      const workdir = [...readText('Dockerfile').matchAll(/^WORKDIR (\S+)$/gm)].at(-1)?.[1];
      expect(service.volumes).toContain(`./${FOLDER}/mongolake.yaml:${workdir}/mongolake.yaml:ro`);
      expect(service.environment).toEqual({ VAULT_TOKEN: environmentOf('vault').VAULT_DEV_ROOT_TOKEN_ID });
    },
  );

  it('refers to just what is written to Vault', () => {
    expect([...asked].sort()).toEqual([...secrets.keys()].sort());
  });

  it('holds no secret', () => {
    for (const value of secrets.values()) {
      if (value !== 'mongolake') expect(readText(`${FOLDER}/mongolake.yaml`)).not.toContain(value);
    }
  });

  it('reads MongoDB as the user that its first start makes, with a right to read the database and no other', () => {
    const users: { user: string; pwd: string; roles: unknown }[] = [];
    const db = { getSiblingDB: () => ({ createUser: (user: (typeof users)[0]) => users.push(user) }) };
    runInNewContext(readText(`${FOLDER}/mongo-user.js`), { db, process: { env: environmentOf('mongo') } });
    const uri = new URL((config.connections.guest as MongodbConnection).uri);
    expect(users).toEqual([{ user: uri.username, pwd: uri.password, roles: [{ role: 'read', db: 'guest' }] }]);
    expect(config.pipelines.guest?.source.database).toBe('guest');
    expect(`${uri.hostname}:${uri.port}`).toBe('mongo:27017');
    const set = uri.searchParams.get('replicaSet');
    expect(readText(`${FOLDER}/mongo.sh`)).toContain(`--replSet ${set} `);
    const check = services.mongo?.healthcheck?.test?.[1];
    expect(check).toContain(`_id: '${set}'`);
    expect(check).toContain("host: 'mongo:27017'");
  });

  it('fills MongoDB as its root', () => {
    const { MONGO_INITDB_ROOT_USERNAME: user, MONGO_INITDB_ROOT_PASSWORD: password } = environmentOf('mongo');
    const uri = new URL(environmentOf('sample').MONGODB_URI ?? '');
    expect([uri.username, uri.password, uri.host]).toEqual([user, password, 'mongo:27017']);
  });

  it('writes to the store with its key, into the bucket that is made there', () => {
    const lake = config.connections.lake as S3Connection;
    const { MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password } = environmentOf('minio');
    expect(lake.credentials).toEqual({ accessKeyId: user, secretAccessKey: password });
    expect([lake.endpoint, lake.forcePathStyle]).toEqual(['http://minio:9000', true]);
    expect(environmentOf('bucket').MC_HOST_store).toBe(`http://${user}:${password}@minio:9000`);
    expect(services.bucket?.command?.at(-1)).toBe(`store/${new URL(config.pipelines.guest?.table.uri ?? '').hostname}`);
  });

  it('finds the queue and Vault, and waits for all that it names', () => {
    expect(config.queue).toMatchObject({ kind: 'redis', url: 'redis://redis:6379' });
    expect(config.vault?.address).toBe('http://vault:8200');
    for (const [, { depends_on }] of mongolakeServices(compose))
      expect(Object.keys(depends_on ?? {})).toEqual(expect.arrayContaining(['mongo', 'redis', 'bucket', 'secrets']));
    expect(Object.keys(services.secrets?.depends_on ?? {})).toEqual(['vault']);
    expect(Object.keys(services.bucket?.depends_on ?? {})).toEqual(['minio']);
  });

  it('listens where the ports lead', () => {
    const { coordinator, worker, dashboard } = config;
    for (const [name, listen] of Object.entries({
      coordinator: coordinator.listen,
      worker: worker.listen,
      dashboard: dashboard.listen,
    })) {
      expect(listen?.host).toBe('0.0.0.0');
      if (name !== 'worker') expect(services[name]?.ports).toEqual([`127.0.0.1:${listen?.port}:${listen?.port}`]);
    }
    // Two workers can't have one port of the machine.
    expect(services.worker?.ports).toBeUndefined();
    expect(dashboard.password).toBe(environmentOf('secrets').DASHBOARD_PASSWORD);
  });

  it('has a lateness that lets all of day two in', () => {
    expect(config.defaults.allowedLateness).toBeGreaterThanOrEqual(24 * 3_600_000);
  });
});

describe('the scripts of the demonstration', () => {
  const scripts = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.sh'));

  it.each(scripts)('%s is a script that its shell reads', (name) => {
    const shell = readText(join(FOLDER, name)).startsWith('#!/bin/bash\n') ? 'bash' : 'sh';
    expect(spawnSync(shell, ['-n', join(ROOT, FOLDER, name)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it('the sample is filled once, a fill that failed is done again, and day two is the day after the same end', () => {
    const state = mkdtempSync(join(folder, 'state-'));
    const sample = (exit: number, ...args: string[]) =>
      runStubbed(`${FOLDER}/sample.sh`, args, { folder, program: 'node', exit, env: { SAMPLE_STATE: state } });
    const generator = ['--import', 'tsx', 'examples/sample/main.ts', '--mongodb'];
    const failed = sample(1);
    const end = failed.calls[0]?.at(-1) ?? '';
    expect(new Date(end).toISOString()).toBe(end.replace('Z', '.000Z'));
    expect(failed).toMatchObject({ code: 1, calls: [[...generator, '--day', '1', '--as-of', end]] });

    const kept = '2026-01-31T02:00:00Z';
    writeFileSync(join(state, 'as-of'), kept);
    expect(sample(0, '1', '--docs', '50').calls).toEqual([
      [...generator, '--day', '1', '--as-of', kept, '--docs', '50'],
    ]);
    expect(sample(0, '1')).toMatchObject({ code: 0, calls: [], stdout: expect.stringContaining('filled already') });
    expect(sample(0, '2').calls).toEqual([[...generator, '--day', '2', '--as-of', kept]]);
  });
});
