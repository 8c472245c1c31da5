import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { goProgram } from './go.ts';
import { kubernetesSchemas } from './kubernetes/schemas.ts';
import { orUnavailable, required, type Started, unavailable } from './result.ts';

/** helm, kubeconform and the schemas of Kubernetes and of the custom resources of KEDA and the Prometheus operator. */
export interface KubernetesTools {
  readonly available: true;
  /** Paths of the programs. */
  readonly helm: string;
  readonly kubeconform: string;
  /** Folder of JSON Schemas, a file per kind. */
  readonly schemas: string;
}

/** How a program ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const HELM_VERSION = 'v3.22.0';
const KUBECONFORM_VERSION = 'v0.8.0';
const RUN_MS = 60_000;
const OUTPUT_BYTES = 32 * 1024 * 1024;
/** Kubernetes' own kinds as `deployment-apps-v1.json`, custom ones as `keda.sh_scaledobject_v1alpha1.json`. */
const SCHEMA_FILES = [
  '{{ .ResourceKind }}{{ .KindSuffix }}.json',
  '{{ .Group }}_{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json',
];

let preparing: Promise<Started<KubernetesTools>> | undefined;

/** Builds helm and kubeconform with Go and makes the schemas, once per machine (about three minutes). No cluster is needed. */
export function prepareKubernetes(): Promise<Started<KubernetesTools>> {
  preparing ??= orUnavailable('helm and kubeconform', async () => {
    const kubeconform = await goProgram({
      entry: `kubeconform-${KUBECONFORM_VERSION}`,
      program: 'kubeconform',
      args: ['install', `github.com/yannh/kubeconform/cmd/kubeconform@${KUBECONFORM_VERSION}`],
    });
    const helm = await goProgram({
      entry: `helm-${HELM_VERSION}`,
      program: 'helm',
      args: ['install', `helm.sh/helm/v3/cmd/helm@${HELM_VERSION}`],
    });
    if (!helm || !kubeconform) return unavailable('go (to build helm and kubeconform) is not on the PATH');
    return { available: true, helm, kubeconform, schemas: await kubernetesSchemas() };
  });
  return preparing;
}

/** Runs helm with nothing of the user's own settings: in the cluster of the kubeconfig, or in none. */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<Ran> {
  const tools = required(await prepareKubernetes());
  const home = mkdtempSync(join(tmpdir(), 'mongolake-helm-'));
  const folders = ['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'].map((name) => [name, home]);
  try {
    return await run(tools.helm, args, {
      ...Object.fromEntries(folders),
      KUBECONFIG: kubeconfig ?? join(home, 'none'),
    });
  } finally {
    rmSync(home, { recursive: true });
  }
}

/**
 * What is wrong with the objects in `yaml` (documents separated by `---`), as `Kind/name: problem`; none where all is well. Strict:
 * a field that Kubernetes, KEDA or the Prometheus operator does not know, and a kind without a schema, are problems.
 */
export async function validate(yaml: string): Promise<readonly string[]> {
  return (await validateAll({ objects: yaml })).objects ?? [];
}

/** The same of several texts by their names, which takes hardly longer than one. */
export async function validateAll(
  texts: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const tools = required(await prepareKubernetes());
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-kubeconform-'));
  try {
    for (const [name, yaml] of Object.entries(texts)) writeFileSync(join(folder, `${name}.yaml`), yaml);
    const locations = SCHEMA_FILES.flatMap((name) => ['-schema-location', join(tools.schemas, name)]);
    const args = ['-strict', '-verbose', '-output', 'json', ...locations, folder];
    const { stdout, stderr } = await run(tools.kubeconform, args);
    if (stdout.trim() === '') throw new Error(`kubeconform said nothing: ${stderr}`);
    const { resources } = JSON.parse(stdout) as { readonly resources: readonly Verdict[] };
    return Object.fromEntries(Object.keys(texts).map((name) => [name, problemsOf(resources, `${name}.yaml`)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Verdict {
  readonly filename: string;
  readonly kind: string;
  readonly name: string;
  readonly status: string;
  readonly msg: string;
}

function problemsOf(resources: readonly Verdict[], file: string): readonly string[] {
  const verdicts = resources.filter(({ filename }) => basename(filename) === file);
  if (verdicts.length === 0) throw new Error(`kubeconform looked at nothing of ${file}`);
  return verdicts
    .filter(({ status }) => status !== 'statusValid')
    .map(({ kind, name, msg, status }) => `${kind}/${name}: ${msg || status}`);
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const options = { env: { ...process.env, ...env }, timeout: RUN_MS, maxBuffer: OUTPUT_BYTES };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr });
      // Where it never ran, or was ended, there is no exit code.
      if (typeof error.code !== 'number') return reject(error);
      resolve({ code: error.code, stdout, stderr });
    });
  });
}
