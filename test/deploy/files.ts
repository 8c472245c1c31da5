import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The repository's root: the build context of both images. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A service as compose.yaml writes it, with anchors and merges put in. */
export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly pull_policy?: string;
  readonly init?: boolean;
  readonly restart?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly deploy?: { readonly replicas: number };
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  /** Without `test`, how often that of the image is asked. */
  readonly healthcheck?: { readonly test?: readonly string[] };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** A file of the repository. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function readCompose(): ComposeFile {
  return parse(readText('compose.yaml'), { merge: true }) as ComposeFile;
}

/** The services that run mongolake itself. */
export function mongolakeServices({ services }: ComposeFile): readonly (readonly [string, Service])[] {
  return Object.entries(services).filter(([, { image }]) => image === 'mongolake:local');
}

/** A tag that says a version, of Docker's images or of MinIO's: never latest, a digest alone or a major version. */
export const PINNED = /^(?:[\w.-]+\/)*[\w-]+:(?:v?\d+\.\d+\.\d+[\w.-]*|RELEASE\.\d{4}-\d\d-\d\dT[\d-]+Z)$/;
