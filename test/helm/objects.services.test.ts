import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/shared/domain/errors.ts';
import { describeWith } from '../services/context.ts';
import { helm, validate } from '../services/kubernetes.ts';
import { CHART, CONFIG, type Deployment, type KubernetesObject, RELEASES, render, withValues } from './chart.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const EVERY = Object.entries(RELEASES);
/** The least and the most that there can be. */
const ENDS = EVERY.filter(([name]) => ['defaults', 'everything'].includes(name));

describeWith(['kubernetes'], 'objects of the chart', () => {
  it.each(EVERY)('%s: helm lint finds nothing', async (_, values) => {
    const args = ['lint', '--strict', '--kube-version', '1.33.0', CHART];
    const { code, stdout, stderr } = await withValues(values, (file) => helm([...args, '--values', file]));
    expect(`${stdout}${stderr}`).not.toMatch(/WARNING|ERROR/);
    expect(code).toBe(0);
  });

  it.each(EVERY)('%s: every object is one that Kubernetes and KEDA know', async (_, values) => {
    const { text, objects } = await render(values);
    expect(objects.length).toBeGreaterThanOrEqual(4);
    expect(await validate(text)).toEqual([]);
  });

  it('an object with a wrong field, a wrong type or of an unknown kind is refused', async () => {
    const { text } = await render({ config: CONFIG, keda: { enabled: true } });
    const broken = async (from: string, to: string) => {
      expect(text).toContain(from);
      return (await validate(text.replace(from, to))).join('\n');
    };
    expect(await validate(text)).toEqual([]);
    expect(await broken('minReplicaCount:', 'minReplicas:')).toContain("'minReplicas' not allowed");
    expect(await broken('activationTarget:', 'activationTargets:')).toContain("'activationTargets' not allowed");
    expect(await broken('target: "2"', 'target: 2')).toMatch(/ScaledObject\/guest-mongolake-worker: .*target/);
    expect(await broken('emptyDir:', 'emptydir:')).toContain("'emptydir' not allowed");
    expect(await broken('containerPort: 9464', 'containerPort: metrics')).toMatch(/Deployment\/.*containerPort/);
    expect(await broken('kind: ConfigMap', 'kind: ConfigMaps')).toContain('could not find schema for ConfigMaps');
  });

  it('the command line knows the arguments of each container', async () => {
    for (const deployment of deployments(await render(RELEASES.everything ?? {}))) {
      const [{ args }] = deployment.spec.template.spec.containers;
      const component = deployment.metadata.name.split('-').at(-1);
      expect(args.slice(0, 3)).toEqual(['-c', '/etc/mongolake/mongolake.yaml', component]);
      // A wrong word would end in another exit code, before the file that is not there is looked for.
      const elsewhere = args.map((arg) => (arg.startsWith('/etc/') ? '/nowhere/mongolake.yaml' : arg));
      const { status, stderr } = spawnSync(process.execPath, [CLI, ...elsewhere], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: EXIT.config,
        stderr: expect.stringContaining('there is no such file'),
      });
    }
  });

  it.each(ENDS)('%s: ports, probes and service lead to where --listen says', async (_, values) => {
    const rendered = await render(values);
    for (const { spec } of deployments(rendered)) {
      const [container] = spec.template.spec.containers;
      const listen = container.args[container.args.indexOf('--listen') + 1];
      const [port] = container.ports;
      expect(listen).toBe(`0.0.0.0:${port?.containerPort}`);
      const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
      expect(probes.map(({ httpGet }) => httpGet.port)).toEqual([port?.name, port?.name, port?.name]);
      const scraped = port?.name === 'metrics';
      const paths = ['/healthz', '/healthz', scraped ? '/readyz' : '/healthz'];
      expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(paths);
      const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9464' };
      if (scraped) expect(spec.template.metadata.annotations).toMatchObject(annotations);
    }
    const service = rendered.objects.find(({ kind }) => kind === 'Service') as Service | undefined;
    if (service === undefined) return;
    const { spec } = rendered.deployment('dashboard');
    expect(spec.template.metadata.labels).toMatchObject(service.spec.selector);
    expect(service.spec.ports).toEqual([{ name: 'http', port: 3000, targetPort: 'http' }]);
  });

  it.each(ENDS)(
    '%s: pods run as nobody in particular, on a file system that they can not change',
    async (_, values) => {
      for (const { spec } of deployments(await render(values))) {
        const pod = spec.template.spec;
        expect(pod).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
        });
        expect(pod.containers[0].securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      }
    },
  );

  it('exactly one coordinator, which ends before its successor starts; workers without a number where KEDA counts', async () => {
    const plain = await render(RELEASES['without KEDA'] ?? {});
    expect(plain.deployment('coordinator').spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(plain.deployment('worker').spec.replicas).toBe(3);
    expect(plain.objects.map(({ kind }) => kind)).not.toContain('ScaledObject');
    const scaled = await render(RELEASES.keda ?? {});
    expect(scaled.deployment('worker').spec).not.toHaveProperty('replicas');
  });

  it('a worker asks for what its concurrency and memory need, unless it is told', async () => {
    const resources = async (worker: object) =>
      (await render({ worker })).deployment('worker').spec.template.spec.containers[0].resources;
    // (4 × 2 GiB + 512 MB) / 1 MiB
    expect(await resources({ concurrency: 4, memory: '2GiB' })).toEqual({
      requests: { cpu: '2000m', memory: '8681Mi' },
      limits: { memory: '8681Mi' },
    });
    expect((await resources({ concurrency: 1, memory: '1.5GB' })).limits).toEqual({ memory: '1919Mi' });
    const own = { requests: { memory: '9Gi' } };
    expect(await resources({ concurrency: 4, resources: own })).toEqual(own);
  });

  it('what people pass through arrives', async () => {
    const rendered = await render(RELEASES.everything ?? {});
    const { metadata, spec } = rendered.deployment('worker').spec.template;
    expect(metadata.annotations).toMatchObject({ team: 'data' });
    expect(spec).toMatchObject({
      serviceAccountName: 'lake',
      nodeSelector: { disk: 'fast' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      affinity: { podAntiAffinity: {} },
      imagePullSecrets: [{ name: 'registry' }],
    });
    expect(spec.containers[0].image).toBe('registry.example.com:5000/data/mongolake:1.2.3');
    expect(spec.containers[0].env).toContainEqual({ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' });
    expect(spec.containers[0].volumeMounts).toContainEqual({ name: 'ca', mountPath: '/ca' });
    expect(spec.volumes).toContainEqual({ name: 'ca', configMap: { name: 'ca' } });
    expect(rendered.deployment('coordinator').spec.template.spec).not.toHaveProperty('nodeSelector');
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/lake' };
    expect(rendered.one('ServiceAccount', 'lake').metadata.annotations).toEqual(role);
  });
});

interface Service extends KubernetesObject {
  readonly spec: { readonly selector: Readonly<Record<string, string>>; readonly ports: readonly object[] };
}

function deployments({ objects }: { readonly objects: readonly KubernetesObject[] }): readonly Deployment[] {
  const found = objects.filter(({ kind }) => kind === 'Deployment') as Deployment[];
  expect(found.length).toBeGreaterThanOrEqual(2);
  return found;
}
