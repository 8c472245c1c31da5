import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { CONFIG, EXAMPLES, type KubernetesObject, pods, refusal, render, type Selector, selects } from './chart.ts';

interface Budget extends KubernetesObject {
  readonly spec: {
    readonly maxUnavailable: number | string;
    readonly unhealthyPodEvictionPolicy?: string;
    readonly selector: Selector;
  };
}

describeWith(['kubernetes'], 'node drains, volumes and where workers run', () => {
  it('a drain takes one worker after the other, those that are not ready at once, and waits for nothing else', async () => {
    const rendered = await render(EXAMPLES.backfill ?? {});
    const { spec } = rendered.one<Budget>('PodDisruptionBudget');
    expect(spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    const held = pods(rendered).filter(({ metadata }) => selects(spec.selector, metadata.labels));
    expect(held.map(({ metadata }) => metadata.labels['app.kubernetes.io/component'])).toEqual(['worker']);
  });

  it('a budget may be a share, or not be there; older clusters do without the policy that they do not know', async () => {
    const budget = async (podDisruptionBudget: object, kubernetes = '1.33.0') =>
      (await render({ worker: { podDisruptionBudget } }, { kubernetes })).all<Budget>('PodDisruptionBudget');
    expect((await budget({ maxUnavailable: '25%' }))[0]?.spec.maxUnavailable).toBe('25%');
    expect(await budget({ enabled: false })).toEqual([]);
    expect((await budget({}, '1.26.0'))[0]?.spec).not.toHaveProperty('unhealthyPodEvictionPolicy');
  });

  it('a budget of nothing is refused, as no drain would ever end', async () => {
    for (const maxUnavailable of [0, '0%']) {
      expect(await refusal({ worker: { podDisruptionBudget: { maxUnavailable } } })).toContain(
        "'/worker/podDisruptionBudget/maxUnavailable'",
      );
    }
  });

  it("scratch on the node's disk is bounded, and requested, so that the node has it", async () => {
    const rendered = await render({ worker: { scratch: { size: '50Gi' } }, dashboard: { enabled: false } });
    for (const [name, size] of [
      ['worker', '50Gi'],
      ['coordinator', '1Gi'],
    ] as const) {
      const { spec } = rendered.deployment(name).spec.template;
      expect(spec.volumes).toContainEqual({ name: 'scratch', emptyDir: { sizeLimit: size } });
      expect(spec.containers[0].resources.requests['ephemeral-storage']).toBe(size);
    }
    const own = async (resources: object) =>
      (await render({ worker: { resources } })).deployment('worker').spec.template.spec.containers[0].resources;
    expect(await own({ limits: { 'ephemeral-storage': '30Gi' } })).toEqual({ limits: { 'ephemeral-storage': '30Gi' } });
    expect(await own({ requests: { cpu: 1 } })).toEqual({ requests: { cpu: 1, 'ephemeral-storage': '10Gi' } });
  });

  it('scratch may be a volume of its own, and asks nothing of the node then', async () => {
    const rendered = await render(EXAMPLES['large-scratch'] ?? {});
    const { spec } = rendered.deployment('worker').spec.template;
    const [volume] = spec.volumes.filter(({ name }) => name === 'scratch');
    expect(volume).toMatchObject({
      ephemeral: {
        volumeClaimTemplate: {
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'gp3',
            resources: { requests: { storage: '500Gi' } },
          },
        },
      },
    });
    expect(spec.containers[0].resources.requests).not.toHaveProperty('ephemeral-storage');
    expect(spec.terminationGracePeriodSeconds).toBe(1815);
    const standard = await render({ worker: { scratch: { type: 'ephemeral' } } });
    expect(JSON.stringify(standard.deployment('worker').spec.template.spec.volumes)).not.toContain('storageClassName');
  });

  it('workers are spread by their own labels, unless others are given', async () => {
    const spread = async (constraint: object) => {
      const values = { worker: { topologySpreadConstraints: [{ ...SPREAD, ...constraint }] } };
      const { selector, template } = (await render(values)).deployment('worker').spec;
      const { topologySpreadConstraints } = template.spec as Partial<Readonly<Record<string, unknown>>>;
      return { selector, constraints: topologySpreadConstraints };
    };
    const { selector, constraints } = await spread({});
    expect(constraints).toEqual([{ ...SPREAD, labelSelector: selector }]);
    const own = { labelSelector: { matchLabels: { app: 'x' } } };
    expect((await spread(own)).constraints).toEqual([{ ...SPREAD, ...own }]);
    expect(await refusal({ worker: { topologySpreadConstraints: [{ maxSkew: 1 }] } })).toContain("'topologyKey'");
  });

  it('each Deployment keeps as many old ReplicaSets as it is told', async () => {
    const values = { config: CONFIG, existingSecret: 's', dashboard: { enabled: true }, revisionHistoryLimit: 7 };
    const deployments = (await render(values)).all('Deployment');
    expect(deployments).toHaveLength(3);
    for (const deployment of deployments) expect(deployment).toHaveProperty('spec.revisionHistoryLimit', 7);
  });
});

const SPREAD = { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' };
