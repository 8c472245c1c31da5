// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { helm, type Ran } from '../services/kubernetes.ts';

/** The folder of the chart. */
export const CHART = fileURLToPath(new URL('../../helm', import.meta.url));

/** Values of a release, as a user would write them; merged over the chart's own. */
export type Values = Readonly<Record<string, unknown>>;

/** A pipeline from MongoDB to S3, with credentials from the environment. */
export const CONFIG = {
  connections: {
    guest: { kind: 'mongodb', uri: '${MONGODB_URI}' },
    lake: { kind: 's3', region: 'eu-west-1' },
  },
  defaults: { rowGroupSize: 1048576 },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['*'] },
      table: { connection: 'lake', uri: 's3://lake/guest/{collection}' },
    },
  },
};

/** Sets of values that reach every branch of the chart together with those of helm/ci; `keda` has a Secret and a password of Redis. */
export const RELEASES: Readonly<Record<string, Values>> = {
  defaults: {},
  'without KEDA': { config: CONFIG, existingSecret: 'credentials', worker: { replicas: 3 } },
  keda: {
    config: CONFIG,
    existingSecret: 'credentials',
    redis: { passwordKey: 'redis-password', username: 'queue', tls: true, database: 2, host: 'queue.example.com' },
    keda: { enabled: true },
  },
  vault: {
    config: CONFIG,
    existingSecret: 'credentials',
    vault: { enabled: true, address: 'https://vault.example.com:8200', namespace: 'data' },
  },
  'vault with a token': {
    config: CONFIG,
    existingSecret: 'credentials',
    vault: { enabled: true, address: 'https://vault.example.com:8200', method: 'token' },
  },
  'vault as the pod': {
    config: { ...CONFIG, vault: { caFile: '/ca/ca.crt' } },
    existingSecret: 'credentials',
    vault: { enabled: true, address: 'https://vault.example.com:8200', method: 'kubernetes', mount: 'clusters/lake' },
  },
  'vault as an IAM role': {
    config: CONFIG,
    existingSecret: 'credentials',
    vault: {
      enabled: true,
      address: 'https://vault.example.com:8200',
      method: 'iam',
      region: 'eu-west-1',
      serverId: 'vault.example.com',
    },
  },
  'vault with an AppRole': {
    config: CONFIG,
    existingSecret: 'credentials',
    vault: { enabled: true, address: 'https://vault.example.com:8200', method: 'approle' },
  },
  dashboard: { config: CONFIG, existingSecret: 'credentials', dashboard: { enabled: true } },
};

/** The examples of helm/ci, by their names. */
export const EXAMPLES: Readonly<Record<string, Values>> = Object.fromEntries(
  readdirSync(join(CHART, 'ci')).map((file) => [
    file.replace('-values.yaml', ''),
    parse(readFileSync(join(CHART, 'ci', file), 'utf8')) as Values,
  ]),
);

/** Values of every variable that the releases' configurations refer to. */
export const ENVIRONMENT = {
  MONGODB_URI: 'mongodb://db.example.com',
  REDIS_PASSWORD: 'redis-secret',
  DASHBOARD_PASSWORD: 'dashboard-secret',
  VAULT_EC2_NONCE: 'nonce',
  VAULT_ROLE_ID: 'role-id',
  VAULT_SECRET_ID: 'secret-id',
  VAULT_TOKEN: 'token',
};

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
}

export interface PodTemplate {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly [Container];
    readonly volumes: readonly Readonly<Record<string, unknown>>[];
    readonly terminationGracePeriodSeconds: number;
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly securityContext: Readonly<Record<string, unknown>>;
  };
}

/** A Kubernetes object; what a test looks at is typed by its kind below. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly strategy?: { readonly type: string };
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: PodTemplate;
  };
}

export interface ConfigMap extends KubernetesObject {
  readonly data: Readonly<Record<string, string>>;
}

/** What helm made of some values. */
export interface Rendered {
  readonly text: string;
  readonly objects: readonly KubernetesObject[];
  /** The one object of the kind whose name ends so. Throws where there is not exactly one. */
  one<T extends KubernetesObject>(kind: string, end?: string): T;
  deployment(component: string): Deployment;
  /** All objects of the kind, as helm orders them. */
  all<T extends KubernetesObject>(kind: string): readonly T[];
  /** mongolake.yaml of the ConfigMap. */
  readonly config: string;
}

/** Where a release is rendered; the chart itself as release `guest` on Kubernetes 1.33 where nothing is said. */
export interface Place {
  readonly chart?: string;
  readonly release?: string;
  readonly kubernetes?: string;
}

/** Runs `helm template`; throws with what helm said where it refuses the values. */
export async function render(values: Values, place: Place = {}): Promise<Rendered> {
  const { code, stdout, stderr } = await template(values, place);
  if (code !== 0) throw new Error(stderr);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject);
  const all = <T extends KubernetesObject>(kind: string) => objects.filter((object) => object.kind === kind) as T[];
  const one = <T extends KubernetesObject>(kind: string, end = ''): T => {
    const [found, ...others] = all<T>(kind).filter(({ metadata }) => metadata.name.endsWith(end));
    if (found && others.length === 0) return found;
    throw new Error(`${found ? 'several objects' : 'no object'} of kind ${kind} whose name ends with "${end}"`);
  };
  const maps = objects.flatMap((object) => ('data' in object ? [object.data as Readonly<Record<string, string>>] : []));
  return {
    text: stdout,
    objects,
    all,
    one,
    deployment: (component) => one<Deployment>('Deployment', `-${component}`),
    config: maps.find((data) => 'mongolake.yaml' in data)?.['mongolake.yaml'] ?? '',
  };
}

/** The templates of the pods of all Deployments and Jobs, and of helm's tests. */
export function pods({ objects }: Pick<Rendered, 'objects'>): readonly PodTemplate[] {
  return objects.flatMap((object) => {
    if (object.kind === 'Pod') return [object as KubernetesObject & PodTemplate];
    return ['Deployment', 'Job'].includes(object.kind) ? [(object as Deployment).spec.template] : [];
  });
}

/** Whether a selector takes these labels. */
export function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`a selector has the operator ${operator}`);
      return values.includes(labels[key] ?? '');
    })
  );
}

/** A selector of labels, as of a NetworkPolicy. */
export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

/** What helm says of values that it refuses. Throws where it takes them. */
export async function refusal(values: Values): Promise<string> {
  const { code, stderr } = await template(values, {});
  if (code === 0) throw new Error('helm takes these values');
  return stderr;
}

/** What `helm install` prints at its end. helm shows it only where there is a cluster, so a copy of the chart has it as an object. */
export async function notes(values: Values): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-notes-'));
  try {
    cpSync(CHART, folder, { recursive: true });
    const file = join(folder, 'templates', 'NOTES.txt');
    renameSync(file, join(folder, 'templates', 'notes.yaml'));
    const text = readFileSync(join(folder, 'templates', 'notes.yaml'), 'utf8');
    const object = `{{ define "notes" }}${text}{{ end }}\nkind: Notes\nmetadata: { name: notes }\ntext: {{ include "notes" . | toJson }}\n`;
    writeFileSync(join(folder, 'templates', 'notes.yaml'), object);
    return (await render(values, { chart: folder })).one<KubernetesObject & { readonly text: string }>('Notes').text;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Calls `work` with the path of a file that has the values. */
export async function withValues<T>(values: Values, work: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-values-'));
  try {
    const file = join(folder, 'values.yaml');
    // As JSON: helm reads YAML 1.1, where more words than true and false are booleans.
    writeFileSync(file, JSON.stringify(values));
    return await work(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function template(values: Values, { chart = CHART, release = 'guest', kubernetes = '1.33.0' }: Place): Promise<Ran> {
  // A helm that was built by `go install` does not know which Kubernetes it was made for.
  const at = ['--namespace', 'data', '--kube-version', kubernetes];
  return withValues(values, (file) => helm(['template', release, chart, ...at, '--values', file]));
}
