import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import {
  EXAMPLES,
  type KubernetesObject,
  pods,
  type Rendered,
  refusal,
  render,
  type Selector,
  selects,
} from './chart.ts';

type Labels = Readonly<Record<string, string>>;

interface Service extends KubernetesObject {
  readonly spec: {
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly selector: Labels;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
  };
}

interface ServiceMonitor extends KubernetesObject {
  readonly spec: {
    readonly selector: Selector;
    readonly endpoints: readonly { readonly port: string; readonly relabelings: readonly object[] }[];
  };
}

interface NetworkPolicy extends KubernetesObject {
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly { readonly from: readonly object[]; readonly ports: readonly object[] }[];
    readonly egress?: readonly object[];
  };
}

const COMPONENT = 'app.kubernetes.io/component';
const MONITORED = { serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, intervalSeconds: 15 } };

describeWith(['kubernetes'], 'the ServiceMonitor', () => {
  it('finds coordinator and workers by Services of theirs, ready or not, and nothing else', async () => {
    const rendered = await render({ ...EXAMPLES['network-policy'], ...MONITORED });
    const { metadata, spec } = rendered.one<ServiceMonitor>('ServiceMonitor');
    expect(metadata.labels.release).toBe('prometheus');
    const found = rendered.all<Service>('Service').filter(({ metadata: { labels } }) => selects(spec.selector, labels));
    expect(found.map((service) => service.metadata.name)).toEqual([
      'guest-mongolake-coordinator',
      'guest-mongolake-worker',
    ]);
    for (const service of found) {
      expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
      const [port] = service.spec.ports;
      expect(port?.name).toBe(spec.endpoints[0]?.port);
      const component = service.metadata.labels[COMPONENT];
      const picked = pods(rendered).filter(({ metadata: { labels } }) =>
        selects({ matchLabels: service.spec.selector }, labels),
      );
      expect(picked.map((pod) => pod.metadata.labels[COMPONENT])).toEqual([component]);
      expect(picked[0]?.spec.containers[0].ports).toEqual([{ name: port?.targetPort, containerPort: port?.port }]);
    }
    expect(spec.endpoints).toHaveLength(1);
    expect(spec.endpoints[0]).toMatchObject({
      port: 'metrics',
      path: '/metrics',
      interval: '15s',
      scrapeTimeout: '10s',
    });
  });

  it('tells coordinator and workers apart by the label component', async () => {
    const { spec } = (await render(EXAMPLES.everything ?? {})).one<ServiceMonitor>('ServiceMonitor');
    const label = `__meta_kubernetes_pod_label_${COMPONENT.replaceAll(/[^a-z]/g, '_')}`;
    expect(spec.endpoints[0]?.relabelings).toEqual([
      { sourceLabels: [label], targetLabel: 'component' },
      { targetLabel: 'cluster', replacement: 'lake-1' },
    ]);
  });

  it('and annotations are not there at once: all would be counted twice', async () => {
    const scraped = async (values: object) =>
      pods(await render({ ...EXAMPLES.backfill, ...values }))
        .filter(({ metadata }) => metadata.annotations?.['prometheus.io/scrape'] === 'true')
        .map(({ metadata }) => [metadata.labels[COMPONENT], metadata.annotations?.['prometheus.io/port']]);
    expect(await scraped({ metrics: { port: 9000 } })).toEqual([
      ['coordinator', '9000'],
      ['worker', '9000'],
    ]);
    expect(await scraped(MONITORED)).toEqual([]);
    expect(await scraped({ metrics: { annotations: false } })).toEqual([]);
  });

  it('is off by default, and may not wait for longer than its interval', async () => {
    expect(kinds(await render({}))).not.toContain('ServiceMonitor');
    expect(kinds(await render({}))).not.toContain('Service');
    const slow = { serviceMonitor: { enabled: true, intervalSeconds: 5, scrapeTimeoutSeconds: 6 } };
    expect(await refusal(slow)).toContain('scrapeTimeoutSeconds is more than serviceMonitor.intervalSeconds');
  });
});

describeWith(['kubernetes'], 'the NetworkPolicies', () => {
  it('let nobody in but those who are named, each to one port', async () => {
    const rendered = await render(EXAMPLES['network-policy'] ?? {});
    const reached = policies(rendered).flatMap(({ spec }) =>
      (spec.ingress ?? []).map(({ from, ports }) => ({ to: taken(rendered, spec.podSelector), from, ports })),
    );
    const namespaces = (name: string) => [
      {
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [name] }],
        },
      },
    ];
    const metrics = { from: namespaces('monitoring'), ports: [{ port: 9464, protocol: 'TCP' }] };
    expect(reached).toEqual([
      { to: ['coordinator'], ...metrics },
      { to: ['dashboard'], from: namespaces('ingress-nginx'), ports: [{ port: 3000, protocol: 'TCP' }] },
      { to: ['worker'], ...metrics },
    ]);
    // Every pod is in one that lets nobody in, those of Jobs and tests too.
    const [all] = policies(rendered).filter(({ spec }) => spec.ingress === undefined);
    expect(all?.spec.policyTypes).toContain('Ingress');
    expect(taken(rendered, all?.spec.podSelector ?? {})).toEqual(
      ['dashboard', 'coordinator', 'worker', 'check'].sort(),
    );
  });

  it('take peers as Kubernetes has them, and make no policy for nobody', async () => {
    const peers = [{ ipBlock: { cidr: '10.0.0.0/8' } }];
    const values = { networkPolicy: { enabled: true, metrics: { namespaces: [], peers } } };
    const rendered = await render(values);
    expect(policies(rendered).map(({ spec }) => spec.ingress?.[0]?.from)).toEqual([undefined, peers, peers]);
    const nobody = { networkPolicy: { enabled: true, metrics: { namespaces: [] } } };
    expect(policies(await render(nobody))).toHaveLength(1);
  });

  it('keep pods to DNS and what the rules name, where they are told to', async () => {
    const rules = [{ ports: [{ port: 443 }] }];
    const restricted = { networkPolicy: { enabled: true, egress: { restricted: true, rules } } };
    const rendered = await render(restricted);
    const [all, ...others] = policies(rendered);
    expect(all?.spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
            { port: 5353, protocol: 'UDP' },
            { port: 5353, protocol: 'TCP' },
          ],
        },
        ...rules,
      ],
    });
    for (const { spec } of others) expect(spec.policyTypes).toEqual(['Ingress']);
    const free = policies(await render({ networkPolicy: { enabled: true } }))[0];
    expect(free?.spec.policyTypes).toEqual(['Ingress']);
    expect(free?.spec).not.toHaveProperty('egress');
    const cut = { networkPolicy: { enabled: true, egress: { restricted: true } } };
    expect(await refusal(cut)).toContain('networkPolicy.egress.rules is empty');
  });

  it('are off by default', async () => {
    expect(kinds(await render({}))).not.toContain('NetworkPolicy');
  });
});

function kinds({ objects }: Rendered): readonly string[] {
  return objects.map(({ kind }) => kind);
}

function policies(rendered: Rendered): readonly NetworkPolicy[] {
  return rendered.all('NetworkPolicy');
}

/** Components of the pods that a selector takes. */
function taken(rendered: Rendered, selector: Selector): readonly (string | undefined)[] {
  const labels = pods(rendered).map(({ metadata }) => metadata.labels);
  return labels
    .filter((each) => selects(selector, each))
    .map((each) => each[COMPONENT])
    .sort();
}
