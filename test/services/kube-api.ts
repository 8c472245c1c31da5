import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Certificates, makeCertificates } from './certificates.ts';
import { type ApiObject, type KubeClient, kubeClient } from './kube/client.ts';
import { freePort, onPort, type Server, serverFolder, startServer, waitUntil } from './server.ts';

/**
 * A Kubernetes API server of ours, with an etcd of its own, new and empty each time. RBAC is on. There is no kubelet and no scheduler, so no
 * pod ever runs, and controllers only where `startControllers` (kube/controllers.ts) starts them.
 */
export interface KubeApi {
  /** https://127.0.0.1:port */
  readonly url: string;
  /** Path of a kubeconfig that makes helm the administrator. */
  readonly kubeconfig: string;
  /** The administrator's. */
  readonly token: string;
  readonly certificates: Certificates;
  /** As the administrator. */
  readonly client: KubeClient;
  stop(): Promise<void>;
}

const START_MS = 120_000;
const ESTABLISHED_MS = 60_000;
const ADMIN_TOKEN = 'administrator-of-a-test';

/** Starts one from the programs in `programs`. Throws with the end of a server's log where it does not come up. */
export async function startKubeApi(programs: string): Promise<KubeApi> {
  const certificates = await makeCertificates('unused');
  const servers: Server[] = [];
  const stop = async () => {
    for (const server of servers.reverse()) await server.stop();
    certificates.remove();
  };
  try {
    const etcd = await onPort(undefined, (port) => startEtcd(join(programs, 'etcd'), port));
    servers.push(etcd.server);
    const api = await onPort(undefined, (port) =>
      startApi(join(programs, 'kube-apiserver'), port, etcd.url, certificates),
    );
    servers.push(api.server);
    const { url, kubeconfig, client } = api;
    const stopAll = async () => {
      client.close();
      await stop();
    };
    return { url, kubeconfig, token: ADMIN_TOKEN, certificates, client, stop: stopAll };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Has the server know custom resources of `folder` whose file's name starts with `prefix`. */
export async function addCustomResources({ client }: KubeApi, folder: string, prefix: string): Promise<void> {
  for (const name of readdirSync(folder).filter((file) => file.startsWith(prefix))) {
    const definition = parse(readFileSync(join(folder, name), 'utf8')) as ApiObject;
    await client.apply(definition, '');
    await waitUntil(() => established(client, definition.metadata.name), ESTABLISHED_MS);
  }
}

interface Definition extends ApiObject {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

async function established(client: KubeClient, name: string): Promise<void> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const { spec } = await client.request<Definition>('GET', path);
  for (const version of spec.versions) {
    await client.request('GET', `/apis/${spec.group}/${version.name}/${spec.names.plural}`);
  }
}

async function startEtcd(program: string, port: number) {
  const folder = serverFolder('etcd');
  const url = `http://127.0.0.1:${port}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  const flags = {
    'data-dir': join(folder, 'data'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
    'log-level': 'warn',
    // Nothing of it has to outlast the machine.
    'unsafe-no-fsync': 'true',
  };
  const ready = async () => {
    const answer = await fetch(`${url}/health`);
    if (!answer.ok) throw new Error(await answer.text());
  };
  const server = await startServer(folder, { program, args: argsOf(flags), ready, deadlineMs: START_MS });
  return { url, server };
}

async function startApi(program: string, port: number, etcd: string, certificates: Certificates) {
  const { ca, serverCert, serverKey } = certificates;
  const folder = serverFolder('kube-apiserver');
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const url = `https://127.0.0.1:${port}`;
  const flags = {
    'etcd-servers': etcd,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(port),
    'tls-cert-file': serverCert,
    'tls-private-key-file': serverKey,
    'cert-dir': folder,
    'token-auth-file': file('tokens.csv', `${ADMIN_TOKEN},administrator,1,system:masters\n`),
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': serverKey,
    'service-account-signing-key-file': serverKey,
    'service-cluster-ip-range': '10.0.0.0/24',
    // Of this machine there is nothing that pods could reach.
    'endpoint-reconciler-type': 'none',
    // So that it may pass requests on to servers that it aggregates, as KEDA's adapter is one.
    'requestheader-client-ca-file': ca,
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'proxy-client-cert-file': serverCert,
    'proxy-client-key-file': serverKey,
  };
  const client = kubeClient(url, readFileSync(ca, 'utf8'), ADMIN_TOKEN);
  const ready = () => client.request('GET', '/readyz');
  try {
    const server = await startServer(folder, { program, args: argsOf(flags), ready, deadlineMs: START_MS });
    return { url, server, client, kubeconfig: file('kubeconfig', kubeconfigOf(url, ca, ADMIN_TOKEN)) };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Of one user of one server; JSON is YAML. `ca` is a path. */
export function kubeconfigOf(url: string, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': ca } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

/** Flags as a Go program takes them. */
export function argsOf(flags: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
