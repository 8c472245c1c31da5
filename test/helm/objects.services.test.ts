import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/shared/domain/errors.ts';
import { describeWith } from '../services/context.ts';
import { helm, validateAll } from '../services/kubernetes.ts';
import {
  CHART,
  CONFIG,
  type Deployment,
  EXAMPLES,
  type KubernetesObject,
  pods,
  RELEASES,
  type Rendered,
  render,
  withValues,
} from './chart.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const EVERY = Object.entries({ ...RELEASES, ...EXAMPLES });
/** The least and the most that there can be. */
const ENDS = EVERY.filter(([name]) => ['defaults', 'everything'].includes(name));

describeWith(['kubernetes'], 'objects of the chart', () => {
  it.each(EVERY)('%s: helm lint finds nothing', async (_, values) => {
    const args = ['lint', '--strict', '--kube-version', '1.33.0', CHART];
    const { code, stdout, stderr } = await withValues(values, (file) => helm([...args, '--values', file]));
    expect(`${stdout}${stderr}`).not.toMatch(/WARNING|ERROR/);
    expect(code).toBe(0);
  });

  it('every object of every release is one that Kubernetes, KEDA and the Prometheus operator know', async () => {
    const texts: Record<string, string> = {};
    for (const [name, values] of EVERY) {
      const { text, objects } = await render(values);
      expect(objects.length).toBeGreaterThanOrEqual(5);
      texts[name] = text;
    }
    expect(Object.keys(EXAMPLES).length).toBeGreaterThanOrEqual(8);
    expect(await validateAll(texts)).toEqual(Object.fromEntries(EVERY.map(([name]) => [name, []])));
  });

  it('an object with a wrong field, a wrong type or of an unknown kind is refused', async () => {
    const { text } = await render({ config: CONFIG, keda: { enabled: true }, serviceMonitor: { enabled: true } });
    const breaks: readonly (readonly [from: string, to: string, problem: RegExp])[] = [
      ['minReplicaCount:', 'minReplicas:', /'minReplicas' not allowed/],
      ['activationTarget:', 'activationTargets:', /'activationTargets' not allowed/],
      ['target: "2"', 'target: 2', /ScaledObject\/guest-mongolake-worker: .*target/],
      ['emptyDir:', 'emptydir:', /'emptydir' not allowed/],
      ['containerPort: 9464', 'containerPort: metrics', /Deployment\/.*containerPort/],
      ['scrapeTimeout: 10s', 'scrapeTimeoutSeconds: 10', /ServiceMonitor\/.*'scrapeTimeoutSeconds' not allowed/],
      ['kind: ConfigMap', 'kind: ConfigMaps', /could not find schema for ConfigMaps/],
    ];
    const texts = breaks.map(([from, to], index) => {
      expect(text).toContain(from);
      return [String(index), text.replace(from, to)];
    });
    const problems = await validateAll({ ...Object.fromEntries(texts), whole: text });
    expect(problems.whole).toEqual([]);
    for (const [index, [, , problem]] of breaks.entries()) expect(problems[index]?.join('\n')).toMatch(problem);
  });

  it('the command line knows the arguments of each container', async () => {
    const found = pods(await render(EXAMPLES.everything ?? {}));
    const commands = found.map(({ spec }) => spec.containers[0].args);
    expect(new Set(commands.map((args) => args[2]))).toEqual(
      new Set(['coordinator', 'worker', 'dashboard', 'backfill', 'check']),
    );
    for (const args of new Map(commands.map((each) => [each[2], each])).values()) {
      expect(args.slice(0, 2)).toEqual(['-c', '/etc/mongolake/mongolake.yaml']);
      // A wrong word would end in another exit code, before the file that is not there is looked for.
      const elsewhere = args.map((arg) => (arg.startsWith('/etc/') ? '/nowhere/mongolake.yaml' : arg));
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...elsewhere], { encoding: 'utf8' });
      // `check` tells it as the result of its first check.
      expect({ status, said: `${stdout}${stderr}` }).toEqual({
        status: EXIT.config,
        said: expect.stringContaining('there is no such file'),
      });
    }
  });

  it.each(ENDS)('%s: ports, probes and service lead to where --listen says', async (_, values) => {
    const rendered = await render(values);
    for (const { spec } of deployments(rendered)) {
      const [container] = spec.template.spec.containers;
      const listen = container.args[container.args.indexOf('--listen') + 1];
      const [port] = container.ports ?? [];
      expect(listen).toBe(`0.0.0.0:${port?.containerPort}`);
      const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
      expect(probes.map(({ httpGet }) => httpGet.port)).toEqual([port?.name, port?.name, port?.name]);
      const scraped = port?.name === 'metrics';
      const paths = ['/healthz', '/healthz', scraped ? '/readyz' : '/healthz'];
      expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(paths);
    }
    if (!rendered.config.includes('dashboard:')) return;
    const service = rendered.one<Service>('Service', '-dashboard');
    expect(service.spec.ports).toEqual([{ name: 'http', port: 80, targetPort: 'http' }]);
  });

  it.each(ENDS)(
    '%s: pods run as nobody in particular, on a file system that they can not change',
    async (_, values) => {
      for (const { spec } of pods(await render(values))) {
        expect(spec).toMatchObject({
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
        });
        expect(spec.containers[0].securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        // What is written to is mounted, and everything else is read only or given by the user.
        const written = spec.containers[0].volumeMounts.filter(({ readOnly }) => readOnly !== true);
        expect(written.map(({ name }) => name).filter((name) => name !== 'ca')).toEqual(['scratch']);
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
      requests: { cpu: '2000m', memory: '8681Mi', 'ephemeral-storage': '10Gi' },
      limits: { memory: '8681Mi' },
    });
    expect((await resources({ concurrency: 1, memory: '1.5GB' })).limits).toEqual({ memory: '1919Mi' });
    const own = { requests: { memory: '9Gi', 'ephemeral-storage': '1Gi' } };
    expect(await resources({ concurrency: 4, resources: own })).toEqual(own);
  });

  it('what people pass through arrives', async () => {
    const rendered = await render(EXAMPLES.everything ?? {});
    const { metadata, spec } = rendered.deployment('worker').spec.template;
    expect(metadata.labels).toMatchObject({ team: 'data', tier: 'work' });
    expect(spec).toMatchObject({
      serviceAccountName: 'lake',
      nodeSelector: { disk: 'fast' },
      tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'lake-low',
      imagePullSecrets: [{ name: 'registry' }],
    });
    const [container] = spec.containers;
    expect(container.env).toContainEqual({ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' });
    expect(container.volumeMounts).toContainEqual({ name: 'ca', mountPath: '/ca', readOnly: true });
    expect(spec.volumes).toContainEqual({ name: 'ca', configMap: { name: 'ca' } });
    const coordinator = rendered.deployment('coordinator').spec.template;
    expect(coordinator.spec).not.toHaveProperty('nodeSelector');
    expect(coordinator.spec).toMatchObject({ priorityClassName: 'lake-high' });
    expect(coordinator.metadata.annotations).toHaveProperty(['cluster-autoscaler.kubernetes.io/safe-to-evict'], 'true');
    expect(coordinator.metadata.labels).toMatchObject({ tier: 'control' });
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/lake' };
    expect(rendered.one('ServiceAccount', 'lake').metadata.annotations).toMatchObject(role);
  });

  it('the image is that of the tag, of the chart where there is none, or exactly one', async () => {
    const image = async (values: object) =>
      (await render({ image: values })).deployment('worker').spec.template.spec.containers[0].image;
    expect(await image({ repository: 'example.com:5000/a/b', tag: '1.2' })).toBe('example.com:5000/a/b:1.2');
    expect(await image({})).toBe('mongolake:0.1.0');
    const digest = `sha256:${'0a'.repeat(32)}`;
    expect(await image({ tag: '1.2', digest })).toBe(`mongolake@${digest}`);
  });

  it("helm's test checks every pipeline, each in a pod of its own", async () => {
    const { objects } = await render(EXAMPLES.everything ?? {});
    const tests = objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'test');
    expect(tests.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['Pod', 'guest-lake-check-0'],
      ['Pod', 'guest-lake-check-1'],
    ]);
    const commands = pods({ objects: tests }).map(({ spec }) => spec.containers[0].args.slice(2));
    expect(commands).toEqual([
      ['check', 'audit'],
      ['check', 'guest'],
    ]);
    // Kept after it, so that its log can be read.
    const policies = tests.map(({ metadata }) => metadata.annotations?.['helm.sh/hook-delete-policy']);
    expect(policies).toEqual(['before-hook-creation', 'before-hook-creation']);
  });
});

interface Service extends KubernetesObject {
  readonly spec: { readonly ports: readonly object[] };
}

function deployments(rendered: Rendered): readonly Deployment[] {
  const found = rendered.all<Deployment>('Deployment');
  expect(found.length).toBeGreaterThanOrEqual(2);
  return found;
}
