// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ReferenceResolver } from '../../src/shared/config/interpolate.ts';
import type { Config } from '../../src/shared/config/schema.ts';
import { parseConfig } from '../../src/shared/config.ts';
import { describeWith } from '../services/context.ts';
import { validate } from '../services/kubernetes.ts';
import {
  CONFIG,
  type Container,
  type Deployment,
  ENVIRONMENT,
  EXAMPLES,
  notes,
  pods,
  RELEASES,
  type Rendered,
  render,
  type Values,
} from './chart.ts';

const SECRET = 'credentials';
/** As little as makes a configuration that can be loaded. */
const LEAST = { config: CONFIG, existingSecret: SECRET };
/** Answers every reference to Vault. */
const VAULT_RESOLVER: ReferenceResolver = { scheme: 'vault', resolve: () => ({ value: 'x' }) };
const VAULT = { enabled: true, address: 'https://vault.example.com:8200' };

describeWith(['kubernetes'], 'the configuration that the chart makes', () => {
  it.each(Object.entries({ ...RELEASES, ...EXAMPLES }).filter(([name]) => name !== 'defaults'))(
    '%s: every pod can load it',
    async (_, values) => {
      const rendered = await render(values);
      const config = load(rendered, {}, [VAULT_RESOLVER]);
      expect(config.queue).toMatchObject({ kind: 'redis', prefix: '{mongolake}' });
      const components = rendered.objects.filter(({ kind }) => kind === 'Deployment').length;
      expect(components).toBe(rendered.config.includes('dashboard:') ? 3 : 2);
    },
  );

  it('is that of the examples in the documentation', async () => {
    const page = readFileSync(new URL('../../docs/kubernetes.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => parse(text) as Values);
    expect(examples).toHaveLength(2);
    for (const values of examples) {
      const rendered = await render(values);
      expect(await validate(rendered.text)).toEqual([]);
      expect(Object.keys(load(rendered, {}, [VAULT_RESOLVER]).pipelines)).toEqual(['guest']);
      expect(await notes(values)).not.toContain('MISSING');
    }
  });

  it('lacks only pipelines where nothing is given', async () => {
    const { config } = await render({});
    expect(() => parseConfig(config, 'mongolake.yaml', {})).toThrow(/^\S+ pipelines: expected at least one pipeline$/);
  });

  it('has what the user wrote, numbers as numbers, and what the chart sets besides', async () => {
    const values = EXAMPLES.everything ?? {};
    const config = load(
      await render({ ...values, config: { ...(values.config as object), defaults: CONFIG.defaults } }),
    );
    expect(config.connections.guest).toMatchObject({ kind: 'mongodb', uri: ENVIRONMENT.MONGODB_URI });
    expect(config.defaults.rowGroupSize).toBe(1_048_576);
    expect(config.queue).toMatchObject({ url: 'rediss://:redis-secret@queue.example.com:6379', lockDuration: 60_000 });
    expect(config.dashboard).toMatchObject({ user: 'mongolake', password: 'dashboard-secret', readOnly: false });
    expect(config.log.level).toBe('debug');
  });

  it('has the URL of the queue, from its parts or as it is', async () => {
    const url = async (values: object) => {
      const { queue } = load(await render({ ...LEAST, ...values }), { REDIS_URL: 'redis://:a%40b@c' });
      return queue.kind === 'redis' ? queue.url : undefined;
    };
    expect(await url({})).toBe('redis://redis:6379');
    expect(await url(RELEASES.keda ?? {})).toBe('rediss://queue:redis-secret@queue.example.com:6379/2');
    expect(await url({ redis: { username: 'a@b' } })).toBe('redis://a%40b@redis:6379');
    expect(await url({ redis: { url: '${REDIS_URL}' } })).toBe('redis://:a%40b@c');
  });

  it('trusts the authority of Redis that the Secret has', async () => {
    const rendered = await render(EXAMPLES['redis-tls'] ?? {});
    const { queue } = load(rendered);
    if (queue.kind !== 'redis') throw new Error('the queue is not in Redis');
    expect(queue.url).toBe('rediss://mongolake:redis-secret@queue.example.com:6380/2');
    for (const { spec } of pods(rendered)) {
      const mount = spec.containers[0].volumeMounts.find(({ name }) => name === 'redis-ca');
      expect(`${mount?.mountPath}/ca.pem`).toBe(queue.tls?.caFile);
      const items = [{ key: 'redis-ca.pem', path: 'ca.pem' }];
      expect(spec.volumes).toContainEqual({ name: 'redis-ca', secret: { secretName: 'mongolake', items } });
    }
  });

  it('asks Vault with the nonce that all pods share, or with a token', async () => {
    const config = {
      ...CONFIG,
      connections: {
        ...CONFIG.connections,
        guest: { kind: 'mongodb', uri: 'mongodb://reader:${vault:secret/data/mongolake#mongo_password}@db' },
      },
    };
    const asked: string[] = [];
    const resolver: ReferenceResolver = {
      scheme: 'vault',
      resolve: (reference) => {
        asked.push(reference);
        return { value: 'from-vault' };
      },
    };
    const ec2 = await render({ config, existingSecret: SECRET, vault: { ...VAULT, namespace: 'data' } });
    const loaded = load(ec2, {}, [resolver]);
    expect(asked.every((reference) => reference === 'secret/data/mongolake#mongo_password')).toBe(true);
    expect(loaded.connections.guest).toMatchObject({ uri: 'mongodb://reader:from-vault@db' });
    const auth = { method: 'ec2', role: 'mongolake', mount: 'aws', nonce: 'nonce' };
    expect(loaded.vault).toMatchObject({ address: VAULT.address, namespace: 'data', auth });
    const token = await render({ config, existingSecret: SECRET, vault: { ...VAULT, method: 'token' } });
    expect(load(token, {}, [resolver]).vault?.auth).toEqual({ method: 'token', token: 'token' });
  });

  it.each([
    [
      'vault as an IAM role',
      { method: 'iam', role: 'mongolake', mount: 'aws', region: 'eu-west-1', serverId: 'vault.example.com' },
    ],
    ['vault with an AppRole', { method: 'approle', mount: 'approle', roleId: 'role-id', secretId: 'secret-id' }],
    ['vault as the pod', { method: 'kubernetes', role: 'mongolake', mount: 'clusters/lake' }],
  ])('%s', async (release, auth) => {
    const rendered = await render(RELEASES[release] ?? {});
    expect(load(rendered).vault?.auth).toMatchObject(auth);
  });

  it('mounts a token of the service account where a pod logs in to Vault by it, for Vault alone', async () => {
    const { vault, ...values } = RELEASES['vault as the pod'] ?? {};
    const rendered = await render({ ...values, vault: { ...(vault as object), audience: 'https://vault' } });
    const { auth, caFile } = load(rendered).vault ?? {};
    expect(caFile).toBe('/ca/ca.crt');
    for (const name of ['coordinator', 'worker']) {
      const { spec } = rendered.deployment(name).spec.template;
      expect(spec.volumes).toContainEqual({
        name: 'vault-token',
        projected: {
          sources: [{ serviceAccountToken: { path: 'token', audience: 'https://vault', expirationSeconds: 3600 } }],
        },
      });
      const [mount] = spec.containers[0].volumeMounts.filter((one) => one.name === 'vault-token');
      expect(mount).toMatchObject({ readOnly: true });
      expect(auth).toMatchObject({ tokenFile: `${mount?.mountPath}/token` });
    }
    const without = (await render(RELEASES.vault ?? {})).deployment('worker').spec.template.spec.volumes;
    expect(without.map((volume) => volume.name)).not.toContain('vault-token');
  });

  it('takes credentials from the Secret: all of its keys, and those named in the values by the key', async () => {
    const values = {
      existingSecret: SECRET,
      redis: { passwordKey: 'redis.password' },
      dashboard: { enabled: true, passwordKey: 'board' },
      vault: { ...VAULT, nonceKey: 'nonce' },
    };
    for (const container of containers(await render(values))) {
      expect(container.envFrom).toEqual([{ secretRef: { name: SECRET } }]);
      const keys = container.env.map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef]);
      expect(Object.fromEntries(keys.filter(([, key]) => key !== undefined))).toEqual({
        REDIS_PASSWORD: { name: SECRET, key: 'redis.password' },
        DASHBOARD_PASSWORD: { name: SECRET, key: 'board' },
        VAULT_EC2_NONCE: { name: SECRET, key: 'nonce' },
      });
    }
    for (const container of containers(await render({}))) expect(container).not.toHaveProperty('envFrom');
  });

  it.each([0, 25, 120, 7200])('Kubernetes waits for longer than a drain of %d s', async (drainTimeoutSeconds) => {
    const rendered = await render({ ...LEAST, worker: { drainTimeoutSeconds } });
    const graceMs = rendered.deployment('worker').spec.template.spec.terminationGracePeriodSeconds * 1000;
    expect(load(rendered).worker.drainTimeout).toBe(drainTimeoutSeconds * 1000);
    expect(graceMs).toBeGreaterThan(load(rendered).worker.drainTimeout + 10_000);
  });

  it.each(['500ms', '10s', '15.5s', '1m', '1h', '1m 30s'])(
    'and for longer than a coordinator’s of %s',
    async (drainTimeout) => {
      const config = { ...CONFIG, coordinator: { drainTimeout } };
      const rendered = await render({
        ...LEAST,
        config,
        backfill: { enabled: true, target: 'guest' },
        keda: { enabled: true },
      });
      // What docs/configuration.md says it takes at most besides.
      const least_s = load(rendered).coordinator.drainTimeout / 1000 + 12;
      for (const template of [rendered.deployment('coordinator'), rendered.one<Deployment>('Job')]) {
        const { terminationGracePeriodSeconds: grace_s } = template.spec.template.spec;
        expect(grace_s).toBeGreaterThanOrEqual(Math.max(30, least_s));
        expect(grace_s).toBeLessThanOrEqual(Math.max(30, least_s + 4));
      }
    },
  );

  it('scratch is on the volume that has a limit', async () => {
    const rendered = await render({ ...LEAST, worker: { scratch: { size: '50Gi' } } });
    const { spec } = rendered.deployment('worker').spec.template;
    const [container] = spec.containers;
    const { scratch } = load(rendered).worker;
    expect(container.volumeMounts).toContainEqual({ name: 'scratch', mountPath: scratch });
    expect(container.env).toContainEqual({ name: 'TMPDIR', value: scratch });
    expect(spec.volumes).toContainEqual({ name: 'scratch', emptyDir: { sizeLimit: '50Gi' } });
  });

  it.each([
    ['50Gi', 50 * 2 ** 30],
    ['512Mi', 512 * 2 ** 20],
    ['1.5T', 1.5e12],
    ['20G', 20e9],
    ['5000000k', 5e9],
    ['5000000000', 5e9],
    ['1Pi', undefined],
  ])('mongolake knows of an emptyDir of %s what it holds', async (size, bytes) => {
    const rendered = await render({ ...LEAST, worker: { scratch: { size } } });
    expect(load(rendered).worker.scratchSize).toBe(bytes);
    const own = await render({ ...LEAST, worker: { scratch: { size, type: 'ephemeral' } } });
    expect(load(own).worker).not.toHaveProperty('scratchSize');
  });

  it('pods are made anew for another configuration, and for nothing else', async () => {
    const checksums = async (values: Values) => {
      const rendered = await render(values);
      return ['coordinator', 'worker'].map(
        (name) => rendered.deployment(name).spec.template.metadata.annotations?.['checksum/config'],
      );
    };
    const before = await checksums({ config: CONFIG });
    expect(new Set(before).size).toBe(1);
    expect(await checksums({ config: CONFIG, worker: { replicas: 7 } })).toEqual(before);
    expect(await checksums({ config: { ...CONFIG, maxConcurrentRuns: 5 } })).not.toEqual(before);
    expect(await checksums({ config: CONFIG, redis: { port: 6380 } })).not.toEqual(before);
  });
});

/** Loads it as each pod would, with the variables that the pod has and no others. */
function load(
  rendered: Rendered,
  secret: Readonly<Record<string, string>> = {},
  resolvers: readonly ReferenceResolver[] = [],
): Config {
  const configs = containers(rendered).map(({ env, envFrom }) => {
    const own = env.map(({ name, value }) => [name, value ?? ENVIRONMENT[name as keyof typeof ENVIRONMENT]]);
    const all = envFrom === undefined ? {} : { MONGODB_URI: ENVIRONMENT.MONGODB_URI, ...secret };
    return parseConfig(
      rendered.config,
      '/etc/mongolake/mongolake.yaml',
      { ...all, ...Object.fromEntries(own) },
      resolvers,
    );
  });
  const [config] = configs;
  if (config === undefined) throw new Error('there is no pod');
  return config;
}

function containers(rendered: Rendered): readonly Container[] {
  return pods(rendered).map(({ spec }) => spec.containers[0]);
}
