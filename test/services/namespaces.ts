import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath, runCommand } from './command.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';

/** A folder of this machine in a container. */
export interface Mount {
  readonly from: string;
  /** Where it is in the container. */
  readonly at: string;
  readonly writable?: boolean;
}

/** How a container is run. The rest is always so: no capabilities, none to gain, a read-only root, the network of this machine. */
export interface ContainerOptions {
  /** The folder of the root file system; where something is mounted is made there. */
  readonly root: string;
  /** Number of user and group. */
  readonly user: number;
  /** The working directory. */
  readonly folder: string;
  /** All that is in the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
}

const SCRIPT = fileURLToPath(new URL('./confine.sh', import.meta.url));
const UNSHARE = ['--mount', '--pid', '--fork', '--kill-child'];
const TRY_MS = 10_000;

/** Tries whether namespaces can be made here. */
export function prepareNamespaces(): Promise<Started<{ readonly available: true }>> {
  return orUnavailable('namespaces', async () => {
    if (process.getuid?.() !== 0) return unavailable('not root (to mount, and to be another user)');
    const missing = ['unshare', 'nsenter', 'mount', 'setpriv'].filter((program) => findOnPath(program) === undefined);
    if (missing.length > 0) return unavailable(`not on the PATH, of util-linux: ${missing.join(', ')}`);
    const folder = mkdtempSync(join(tmpdir(), 'mongolake-namespaces-'));
    try {
      await runCommand('unshare', [...UNSHARE, 'mount', '--bind', folder, folder], { deadlineMs: TRY_MS });
    } finally {
      rmSync(folder, { recursive: true });
    }
    return { available: true };
  });
}

/** Starts a command in a container of its own, in which it is process 1. */
export function startContained(options: ContainerOptions, command: readonly string[]): ChildProcess {
  const { root, user, folder, env, mounts } = options;
  const binds = mounts.flatMap(({ at, from, writable = false }) => [at, from, writable ? 'rw' : 'ro']);
  const args = [...UNSHARE, '/bin/sh', SCRIPT, root, String(user), folder, ...binds, '--', ...command];
  return spawn(program('unshare'), args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Starts a command in the container that another one runs in, as `docker exec` does. */
export function enterContained(
  options: ContainerOptions,
  contained: ChildProcess,
  command: readonly string[],
): ChildProcess {
  const { user, env } = options;
  const where = ['--target', String(firstProcess(contained)), '--mount', '--pid', '--root', '--wd'];
  const args = [...where, '--setgid', String(user), '--setuid', String(user), ...command];
  return spawn(program('nsenter'), args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Sends a signal to process 1 of a container, as `docker stop` does: `unshare` itself takes none. */
export function signalContained(contained: ChildProcess, signal: NodeJS.Signals): void {
  process.kill(firstProcess(contained), signal);
}

/** Number of process 1 of a container, as this machine counts. */
function firstProcess({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** The path of a program: that of the command in a container is no help. */
function program(name: string): string {
  const found = findOnPath(name);
  if (found === undefined) throw new Error(`${name} is not on the PATH: the suite needs 'namespaces'`);
  return found;
}
