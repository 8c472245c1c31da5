import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from '../cache.ts';
import { findOnPath } from '../command.ts';
import { type GoProgram, goProgram, isBuilt } from '../go.ts';
import { customResources } from '../kubernetes/resources.ts';
import { orUnavailable, type Started, unavailable } from '../result.ts';

/** etcd, kube-apiserver and kube-controller-manager, in one folder; `startKubeApi` starts them. */
export interface ClusterPrograms {
  readonly available: true;
  readonly folder: string;
  /** Folder of the custom resources of KEDA and of the Prometheus operator, a YAML file each. */
  readonly customResources: string;
}

/** KEDA's operator and its metrics adapter, in one folder. */
export interface KedaPrograms {
  readonly available: true;
  readonly folder: string;
}

export const KUBERNETES_VERSION = '1.33.4';
export const KEDA_VERSION = '2.21.0';

const VERSION_PACKAGE = 'k8s.io/component-base/version';
/** What the server says that it is; helm compares it with the chart's `kubeVersion`. */
const LD_FLAGS = Object.entries({ gitVersion: `v${KUBERNETES_VERSION}`, gitMajor: '1', gitMinor: '33' })
  .map(([name, value]) => `-X ${VERSION_PACKAGE}.${name}=${value}`)
  .join(' ');

/** The two Go modules beside this file, built with the sums that they have there. */
const CLUSTER = plan('cluster', `kubernetes-${KUBERNETES_VERSION}`, 'kube-controller-manager', [
  `-ldflags=-s -w ${LD_FLAGS}`,
  './...',
]);
const KEDA = plan('keda', `keda-${KEDA_VERSION}`, 'operator', [
  '-ldflags=-s -w',
  './adapter',
  'github.com/kedacore/keda/v2/cmd/operator',
]);

/** Of the control plane. Built, for about six minutes, only where `build` says so; else it has to be in the cache. */
export function prepareCluster(build: boolean): Promise<Started<ClusterPrograms>> {
  return orUnavailable('Kubernetes API server', async () => {
    if (!findOnPath('openssl')) return unavailable('openssl (to make certificates) is not on the PATH');
    const folder = await built(CLUSTER, build, 'cluster');
    if (typeof folder !== 'string') return folder;
    return { available: true, folder, customResources: await customResources() };
  });
}

/** Of KEDA; about ten minutes. */
export function prepareKeda(build: boolean): Promise<Started<KedaPrograms>> {
  return orUnavailable('KEDA', async () => {
    const folder = await built(KEDA, build, 'keda');
    return typeof folder === 'string' ? { available: true, folder } : folder;
  });
}

async function built(program: GoProgram, build: boolean, part: string) {
  if (!build && !isBuilt(program)) {
    const minutes = `not built yet, which takes minutes: npm run services -- ${part}, or npm run test:long`;
    return unavailable(minutes, { onRequest: true });
  }
  const path = await goProgram(program);
  return path === undefined ? unavailable('go (to build it) is not on the PATH') : dirname(path);
}

function plan(module: string, name: string, program: string, args: readonly string[]): GoProgram {
  const cwd = fileURLToPath(new URL(`./${module}/`, import.meta.url));
  const files = readdirSync(cwd, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(go|mod|sum)$/.test(file));
  const sources = files.sort().map((file) => readFileSync(join(cwd, file)));
  return {
    entry: `${name}-${fingerprint([...sources, ...args])}`,
    program,
    args: ['build', '-mod=readonly', '-o', '{out}/', ...args],
    cwd,
  };
}
