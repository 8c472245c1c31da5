import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART, RELEASES, type Values, withValues } from '../helm/chart.ts';
import type { KubeApi } from '../services/kube-api.ts';
import { helm } from '../services/kubernetes.ts';

/** Every set of values that there is: those of the chart's tests, and the files that come with the chart. */
export const EVERY_RELEASE: readonly (readonly [name: string, values: Values])[] = [
  ...Object.entries(RELEASES),
  ...['ci', 'examples'].flatMap((folder) => filesOf(join(CHART, folder))),
];

function filesOf(folder: string): readonly (readonly [string, Values])[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return names.map((name) => [name, (parse(readFileSync(join(folder, name), 'utf8')) ?? {}) as Values]);
}

/** The release `guest` of the chart in one namespace of an API server. */
export interface Release {
  readonly namespace: string;
  /** What helm printed; each of them throws with what helm said where it refused. */
  install(values: Values): Promise<string>;
  upgrade(values: Values): Promise<string>;
  rollback(revision: number): Promise<string>;
  uninstall(): Promise<string>;
}

/** Makes the namespace, in which the strictest of Kubernetes' own rules for pods is enforced. */
export async function releaseIn({ client, kubeconfig }: KubeApi, namespace: string): Promise<Release> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } };
  await client.request('POST', '/api/v1/namespaces', space);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await helm([...args, '--namespace', namespace], kubeconfig);
    if (code !== 0) throw new Error(`${stdout}${stderr}`);
    return stdout;
  };
  const withFile = (values: Values, ...command: string[]) =>
    withValues(values, (file) => run(...command, 'guest', CHART, '--values', file));
  return {
    namespace,
    install: (values) => withFile(values, 'install'),
    // Without values helm would take those of the release before.
    upgrade: (values) => withFile(values, 'upgrade', '--reset-values'),
    rollback: (revision) => run('rollback', 'guest', String(revision)),
    uninstall: () => run('uninstall', 'guest'),
  };
}
