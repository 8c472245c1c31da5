import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { cached, fingerprint } from '../cache.ts';
import { findOnPath, runCommand } from '../command.ts';
import { installPython } from '../python.ts';

/** The last release of the package that has the schemas of VERSION. */
const PACKAGE = 'kubernetes-validate==1.33.1';
const VERSION = 'v1.33.0';
/** Go modules with custom resources that the chart uses, and where in them those are. */
const CUSTOM = [
  { module: 'github.com/kedacore/keda/v2@v2.21.0', folder: 'config/crd/bases' },
  { module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0', folder: 'example/prometheus-operator-crd' },
] as const;
/** Changes where the files are made in another way. */
const FORMAT = '1';
const DOWNLOAD_MS = 10 * 60_000;

/**
 * A folder of JSON Schemas, strict ones, for kubeconform: `deployment-apps-v1.json` and the like from PyPI's kubernetes-validate,
 * `keda.sh_scaledobject_v1alpha1.json` and the like from the Go modules of KEDA and of the Prometheus operator. Made once; needs Python
 * with pip, and Go.
 */
export function kubernetesSchemas(): Promise<string> {
  return cached({
    name: `kubernetes-schemas-${fingerprint([PACKAGE, VERSION, JSON.stringify(CUSTOM), FORMAT])}`,
    check: 'deployment-apps-v1.json',
    build: async (folder) => {
      await addKubernetes(folder);
      for (const custom of CUSTOM) await addCustom(folder, custom);
    },
  });
}

async function addKubernetes(folder: string): Promise<void> {
  const python = join(folder, 'python');
  await installPython(python, [PACKAGE]);
  const [version = ''] = readdirSync(join(python, 'lib'));
  const packages = join(python, 'lib', version, 'site-packages');
  const from = join(packages, 'kubernetes_validate', 'kubernetes-json-schema', `${VERSION}-local-strict`);
  for (const name of readdirSync(from)) {
    // They refer to each other by addresses that only their own package serves; here by the names of the files.
    const text = readFileSync(join(from, name), 'utf8').replaceAll('"/api/_definitions.json', '"_definitions.json');
    const { $id: _, ...schema } = JSON.parse(text) as Record<string, unknown>;
    writeFileSync(join(folder, name), JSON.stringify(schema));
  }
  rmSync(python, { recursive: true });
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: unknown } }[];
  };
}

async function addCustom(folder: string, custom: (typeof CUSTOM)[number]): Promise<void> {
  const go = findOnPath('go');
  if (!go) throw new Error(`go (to fetch ${custom.module}) is not on the PATH`);
  const work = join(folder, 'work');
  mkdirSync(work);
  const answer = await runCommand(go, ['mod', 'download', '-json', custom.module], {
    cwd: work,
    deadlineMs: DOWNLOAD_MS,
  });
  rmSync(work, { recursive: true });
  const bases = join((JSON.parse(answer) as { readonly Dir: string }).Dir, custom.folder);
  for (const name of readdirSync(bases)) {
    const { spec } = parse(readFileSync(join(bases, name), 'utf8')) as Crd;
    for (const { name: version, schema } of spec.versions) {
      const file = `${spec.group}_${spec.names.kind.toLowerCase()}_${version}.json`;
      writeFileSync(join(folder, file), JSON.stringify(closed(schema.openAPIV3Schema)));
    }
  }
}

/** The schema with every object that lists its properties closed to others, so that a field spelled wrong is a problem. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const open = 'additionalProperties' in copy || copy['x-kubernetes-preserve-unknown-fields'] === true;
  // Only a schema has a type that is a text: a property of the name "type" has a schema there.
  return copy.type === 'object' && 'properties' in copy && !open ? { ...copy, additionalProperties: false } : copy;
}
