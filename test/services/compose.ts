import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from './cache.ts';
import { runCommand } from './command.ts';
import { goProgram } from './go.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';

/** The parsers of Docker for compose files and Dockerfiles. */
export interface ComposeCheck {
  readonly available: true;
}

/** A stage of a Dockerfile. `from` is an image or the name of a stage. */
export interface DockerStage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly {
    /** In capitals: `COPY`. */
    readonly name: string;
    /** As written, on one line. */
    readonly text: string;
    /** Of COPY and ADD. */
    readonly sources?: readonly string[];
    /** Of COPY --from. */
    readonly from?: string;
  }[];
}

/** What a target's image says besides what its base image says. */
export interface DockerImage {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

export interface DockerfileReport {
  readonly stages: readonly DockerStage[];
  /** By stage. */
  readonly images: Readonly<Record<string, DockerImage>>;
  /** Those of `docker build --check`. */
  readonly warnings: readonly string[];
}

const SOURCE = fileURLToPath(new URL('./compose/', import.meta.url));
const RUN_MS = 60_000;

/** Builds the parsers with Go (a minute, once). */
export async function prepareCompose(): Promise<Started<ComposeCheck>> {
  return orUnavailable("Docker's parsers", async () => {
    if (await program()) return { available: true };
    return unavailable("go is not on the PATH (to build Docker's parsers)");
  });
}

/** The project that a compose file makes, as `docker compose config` has it. Throws what the loader says against it. */
export async function loadProject(file: string): Promise<unknown> {
  return ask('project', file);
}

/** What a Dockerfile holds. Throws what the parser says against it. */
export async function readDockerfile(file: string): Promise<DockerfileReport> {
  return (await ask('dockerfile', file)) as DockerfileReport;
}

/** Those of `paths`, relative to the build context, that a .dockerignore keeps out of a build. */
export async function ignoredPaths(dockerignore: string, paths: readonly string[]): Promise<readonly string[]> {
  return (await ask('ignored', dockerignore, ...paths)) as readonly string[];
}

async function ask(...args: string[]): Promise<unknown> {
  const parsers = await program();
  if (parsers === undefined) throw new Error("Docker's parsers were not built: the suite needs 'compose'");
  return JSON.parse(await runCommand(parsers, args, { deadlineMs: RUN_MS }));
}

function program(): Promise<string | undefined> {
  const sources = ['go.mod', 'go.sum', 'main.go', 'dockerfile.go'].map((name) => readFileSync(join(SOURCE, name)));
  return goProgram({
    entry: `compose-parsers-${fingerprint(sources)}`,
    program: 'compose',
    args: ['build', '-mod=readonly', '-o', '{out}/compose', '.'],
    cwd: SOURCE,
  });
}
