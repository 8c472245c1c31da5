import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argsOf, type KubeApi } from '../kube-api.ts';
import { freePort, onPort, type Server, serverFolder, startServer } from '../server.ts';
import { kubeClient } from './client.ts';

/** KEDA with its operator and its metrics adapter, in the namespace `keda`. */
export interface Keda {
  stop(): Promise<void>;
}

const START_MS = 120_000;
const CONTROLLERS = ['deployment', 'replicaset', 'horizontal-pod-autoscaler', 'garbage-collector'];
const NAMESPACE = 'keda';
const ADAPTER = 'keda-metrics-apiserver';
const EXTERNAL_METRICS = { group: 'external.metrics.k8s.io', version: 'v1beta1' };

/**
 * Starts the part of kube-controller-manager that makes pods of Deployments and follows a HorizontalPodAutoscaler, which looks every
 * 5 s instead of every 15 s.
 */
export function startControllers(api: KubeApi, programs: string): Promise<Server> {
  const { kubeconfig, certificates } = api;
  return onPort(undefined, (port) => {
    const folder = serverFolder('kube-controller-manager');
    const flags = {
      kubeconfig,
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      controllers: CONTROLLERS.map((name) => `${name}-controller`).join(','),
      'leader-elect': 'false',
      'bind-address': '127.0.0.1',
      'secure-port': String(port),
      'tls-cert-file': certificates.serverCert,
      'tls-private-key-file': certificates.serverKey,
      'cert-dir': folder,
      'horizontal-pod-autoscaler-sync-period': '5s',
    };
    const program = join(programs, 'kube-controller-manager');
    return startServer(folder, { program, args: argsOf(flags), ready: () => healthy(api, port), deadlineMs: START_MS });
  });
}

/** Starts both, and has the API server pass on to the adapter what is asked of external metrics. */
export async function startKeda(api: KubeApi, programs: string): Promise<Keda> {
  await api.client.request('POST', '/api/v1/namespaces', named('v1', 'Namespace', NAMESPACE));
  const operator = await onPort(undefined, (port) => startOperator(api, join(programs, 'operator'), port));
  try {
    const adapter = await onPort(undefined, (port) =>
      startAdapter(api, join(programs, 'adapter'), port, operator.metricsPort),
    );
    return {
      async stop() {
        await adapter.stop();
        await operator.server.stop();
      },
    };
  } catch (error) {
    await operator.server.stop();
    throw error;
  }
}

async function startOperator(api: KubeApi, program: string, port: number) {
  const folder = serverFolder('keda-operator');
  const metricsPort = await freePort();
  const flags = {
    'health-probe-bind-address': `127.0.0.1:${port}`,
    'metrics-bind-address': '0',
    'metrics-service-bind-address': `127.0.0.1:${metricsPort}`,
    'cert-dir': certificatesIn(folder, api),
    'enable-cert-rotation': 'false',
    'enable-webhook-patching': 'false',
    'enable-apiservice-patching': 'false',
    'leader-elect': 'false',
  };
  const env = {
    KUBECONFIG: api.kubeconfig,
    KEDA_CLUSTER_OBJECT_NAMESPACE: NAMESPACE,
    POD_NAMESPACE: NAMESPACE,
    KUBERNETES_CLUSTER_DOMAIN: 'cluster.local',
  };
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    if (!answer.ok) throw new Error(await answer.text());
  };
  const server = await startServer(folder, { program, args: argsOf(flags), env, ready, deadlineMs: START_MS });
  return { server, metricsPort };
}

async function startAdapter(api: KubeApi, program: string, port: number, metricsPort: number): Promise<Server> {
  const { kubeconfig, certificates, client } = api;
  const folder = serverFolder('keda-adapter');
  const flags = {
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'tls-cert-file': certificates.serverCert,
    'tls-private-key-file': certificates.serverKey,
    'cert-dir': certificatesIn(folder, api),
    'lister-kubeconfig': kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'metrics-service-address': `127.0.0.1:${metricsPort}`,
  };
  // The aggregator asks the service's name of DNS: no address within the cluster leads to a process of this machine.
  await client.apply(
    { ...named('v1', 'Service', ADAPTER), spec: { type: 'ExternalName', externalName: 'localhost' } },
    NAMESPACE,
  );
  const { group, version } = EXTERNAL_METRICS;
  const spec = {
    ...EXTERNAL_METRICS,
    service: { name: ADAPTER, namespace: NAMESPACE, port },
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
  };
  await client.apply({ ...named('apiregistration.k8s.io/v1', 'APIService', `${version}.${group}`), spec }, '');
  return startServer(folder, {
    program,
    args: argsOf(flags),
    env: { KUBECONFIG: kubeconfig },
    ready: () => client.request('GET', `/apis/${group}/${version}`),
    deadlineMs: START_MS,
  });
}

/** A folder with the files that operator and adapter know each other by. */
function certificatesIn(folder: string, { certificates: { ca, serverCert, serverKey } }: KubeApi): string {
  copyFileSync(ca, join(folder, 'ca.crt'));
  copyFileSync(serverCert, join(folder, 'tls.crt'));
  copyFileSync(serverKey, join(folder, 'tls.key'));
  return folder;
}

async function healthy({ certificates, token }: KubeApi, port: number): Promise<void> {
  const client = kubeClient(`https://127.0.0.1:${port}`, readFileSync(certificates.ca, 'utf8'), token);
  try {
    await client.request('GET', '/healthz');
  } finally {
    client.close();
  }
}

function named(apiVersion: string, kind: string, name: string) {
  return { apiVersion, kind, metadata: { name } };
}
