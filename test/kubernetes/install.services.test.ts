import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONFIG, type Deployment, RELEASES, render, type Values } from '../helm/chart.ts';
import { describeWith } from '../services/context.ts';
import type { ApiObject } from '../services/kube/client.ts';
import { addCustomResources, type KubeApi, startKubeApi } from '../services/kube-api.ts';
import { EVERY_RELEASE, type Release, releaseIn } from './releases.ts';

describeWith(['kubernetes', 'cluster'], 'the chart in a Kubernetes API server', ({ cluster }) => {
  let api: KubeApi;
  let spaces = 0;
  const newRelease = () => releaseIn(api, `lake-${++spaces}`);
  const deployments = async ({ namespace }: Release): Promise<readonly Deployment[]> => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    return (await api.client.request<{ readonly items: readonly Deployment[] }>('GET', path)).items;
  };
  const worker = async (release: Release) =>
    (await deployments(release)).find(({ metadata }) => metadata.name.endsWith('-worker'));
  const checksums = async (release: Release) =>
    new Set((await deployments(release)).map(({ spec }) => spec.template.metadata.annotations?.['checksum/config']));
  beforeAll(async () => {
    api = await startKubeApi(cluster.folder);
    await addCustomResources(api, cluster.customResources, 'keda.sh_');
    await addCustomResources(api, cluster.customResources, 'monitoring.coreos.com_podmonitors');
    await addCustomResources(api, cluster.customResources, 'monitoring.coreos.com_servicemonitors');
    await addCustomResources(api, cluster.customResources, 'monitoring.coreos.com_prometheusrules');
  });
  afterAll(() => api?.stop());

  it.each(EVERY_RELEASE)(
    '%s: the server takes every object, lets its pods in, and keeps none of it',
    async (_, values) => {
      const release = await newRelease();
      const { namespace } = release;
      const { objects } = await render(values);
      for (const object of objects) await api.client.apply(object, namespace, true);
      expect(await api.client.inventory(namespace)).toEqual([]);
      expect(await release.install(values)).toContain('STATUS: deployed');
      const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      // helm's own note of the release is a Secret.
      expect(await api.client.inventory(namespace)).toEqual([...names, 'Secret/sh.helm.release.v1.guest.v1'].sort());
      for (const { spec } of await deployments(release)) {
        const { metadata, ...pod } = spec.template;
        const name = { ...metadata, name: 'pod' };
        await api.client.request('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, { metadata: name, ...pod });
      }
      await release.uninstall();
      expect(await api.client.inventory(namespace)).toEqual([]);
    },
  );

  it('goes from each of them to the next and back to the first, and leaves nothing of those between', async () => {
    const release = await newRelease();
    const first = RELEASES.defaults ?? {};
    await release.install(first);
    for (const [, values] of EVERY_RELEASE) await release.upgrade(values);
    await release.upgrade(first);
    const names = (await render(first)).objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const left = (await api.client.inventory(release.namespace)).filter((name) => !name.includes('sh.helm.release'));
    expect(left).toEqual(names.sort());
    await release.uninstall();
    expect(await api.client.inventory(release.namespace)).toEqual([]);
  });

  it('makes new pods for another configuration only, and the old ones again by rollback', async () => {
    const release = await newRelease();
    const before: Values = { config: CONFIG, existingSecret: 'credentials', dashboard: { enabled: true } };
    await release.install(before);
    const [first, ...more] = await checksums(release);
    expect(more).toEqual([]);
    await release.upgrade({ ...before, worker: { replicas: 5 } });
    expect([...(await checksums(release))]).toEqual([first]);
    await release.upgrade({ ...before, config: { ...CONFIG, defaults: { rowGroupSize: 4096 } } });
    const [second, ...others] = await checksums(release);
    expect(others).toEqual([]);
    expect(second).not.toBe(first);
    const path = `/api/v1/namespaces/${release.namespace}/configmaps/guest-mongolake`;
    const map = () => api.client.request<ApiObject & { readonly data: Readonly<Record<string, string>> }>('GET', path);
    expect((await map()).data['mongolake.yaml']).toContain('rowGroupSize: 4096');
    await release.rollback(1);
    expect([...(await checksums(release))]).toEqual([first]);
    expect((await map()).data['mongolake.yaml']).toContain('rowGroupSize: 1048576');
    await release.uninstall();
    expect(await api.client.inventory(release.namespace)).toEqual([]);
  });

  it('leaves the number of workers to KEDA, once that is on, and takes it back', async () => {
    const release = await newRelease();
    const fixed: Values = { config: CONFIG, existingSecret: 'credentials', worker: { replicas: 3 } };
    const scaled: Values = { ...fixed, keda: { enabled: true } };
    await release.install(fixed);
    expect((await worker(release))?.spec.replicas).toBe(3);
    await release.upgrade(scaled);
    expect((await worker(release))?.spec.replicas).toBe(1);
    const scale = `/apis/apps/v1/namespaces/${release.namespace}/deployments/guest-mongolake-worker/scale`;
    await api.client.request('PATCH', scale, { spec: { replicas: 7 } });
    await release.upgrade({ ...scaled, config: { ...CONFIG, defaults: { rowGroupSize: 4096 } } });
    expect((await worker(release))?.spec.replicas).toBe(7);
    await release.upgrade(fixed);
    expect((await worker(release))?.spec.replicas).toBe(3);
  });

  it('refuses a wrong value before anything is sent, and what only the server knows to be wrong', async () => {
    const release = await newRelease();
    await expect(release.install({ worker: { concurency: 2 } })).rejects.toThrow("'concurency' not allowed");
    await expect(release.install({ worker: { concurrency: 'two' } })).rejects.toThrow('concurrency');
    expect(await api.client.inventory(release.namespace)).toEqual([]);
    const tolerations = [{ key: 'spot', operator: 'Perhaps' }];
    await expect(release.install({ worker: { tolerations } })).rejects.toThrow('Unsupported value: "Perhaps"');
    const { objects } = await render({ config: CONFIG, keda: { enabled: true } });
    const scaled = objects.find(({ kind }) => kind === 'ScaledObject') as ApiObject & { readonly spec: object };
    const broken = { ...scaled, spec: { ...scaled.spec, minReplicas: 1 } };
    await expect(api.client.apply(broken, release.namespace, true)).rejects.toThrow('minReplicas');
  });

  it('gives its pods an account that may do nothing, and for Vault a token that the server does not take', async () => {
    const release = await newRelease();
    await release.install(RELEASES['vault as the pod'] ?? {});
    const pod = (await worker(release))?.spec.template.spec;
    expect(pod?.automountServiceAccountToken).toBe(false);
    const account = `/api/v1/namespaces/${release.namespace}/serviceaccounts/${pod?.serviceAccountName}`;
    const tokenFor = async (...audiences: string[]) => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences } };
      const answer = await api.client.request<TokenRequest>('POST', `${account}/token`, body);
      return answer.status.token;
    };
    const own = { token: await tokenFor() };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: release };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { status } = await api.client.request<Rules>('POST', path, review, own);
    // To ask who it is and what it may is what everyone is allowed.
    expect(status.resourceRules.flatMap(({ resources }) => resources).sort()).toEqual([
      'selfsubjectaccessreviews',
      'selfsubjectreviews',
      'selfsubjectrulesreviews',
    ]);
    for (const kind of ['pods', 'secrets', 'configmaps', 'serviceaccounts']) {
      const list = `/api/v1/namespaces/${release.namespace}/${kind}`;
      await expect(api.client.request('GET', list, undefined, own)).rejects.toMatchObject({ status: 403 });
    }
    const audience = audienceIn(pod?.volumes ?? []);
    const vault = { token: await tokenFor(audience) };
    expect(audience).toBe('vault');
    await expect(api.client.request('POST', path, review, vault)).rejects.toMatchObject({ status: 401 });
  });
});

interface TokenRequest extends ApiObject {
  readonly status: { readonly token: string };
}

interface Rules extends ApiObject {
  readonly status: { readonly resourceRules: readonly { readonly resources: readonly string[] }[] };
}

/** Of the one token that is mounted. */
function audienceIn(volumes: readonly Readonly<Record<string, unknown>>[]): string {
  const found = /"audience":"([^"]*)"/.exec(JSON.stringify(volumes));
  return found?.[1] ?? '';
}
