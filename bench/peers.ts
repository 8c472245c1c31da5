import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from '../test/services/cache.ts';
import { runCommand } from '../test/services/command.ts';
import { installPython } from '../test/services/python.ts';
import { prepareSpark } from '../test/services/readers/install.ts';
import { orUnavailable, type Started } from '../test/services/result.ts';
import { kept } from './cache.ts';
import type { Absent, Contender, Prepared } from './contender.ts';
import type { Command } from './measure.ts';

/** A Python that can run peers. */
export interface Python {
  readonly available: true;
  readonly python: string;
}

const PEERS = fileURLToPath(new URL('peers/', import.meta.url));
const UNTIMED_MS = 30 * 60_000;

/** Python with the packages of peers/requirements.txt, installed once. */
export async function preparePeers(): Promise<Started<Python>> {
  return orUnavailable('Python peers', async () => {
    const packages = requirements();
    const folder = await kept(`peers-${fingerprint(packages)}`, (into) => installPython(into, packages));
    return { available: true, python: join(folder, 'bin', 'python') };
  });
}

/** PySpark, as the tests' readers have it; needs Java. */
export async function prepareSparkPeer(): Promise<Started<Python>> {
  return orUnavailable('PySpark', prepareSpark);
}

/** The packages of peers/requirements.txt, each with its version. */
export function requirements(): string[] {
  return readFileSync(join(PEERS, 'requirements.txt'), 'utf8').trim().split('\n');
}

/** A script of peers/. Every peer works in the same folder, where nothing is. */
export function peer({ python }: Python, script: string, ...args: (string | number)[]): Command {
  const env = { TZ: 'UTC', PYTHONDONTWRITEBYTECODE: '1' };
  return { program: python, args: [join(PEERS, script), ...args.map(String)], cwd: '/', env };
}

/** Runs a script of peers/ to its end; returns what it prints. Nothing is measured. */
export async function runPeer(python: Python, script: string, ...args: (string | number)[]): Promise<string> {
  const { program, args: all, ...rest } = peer(python, script, ...args);
  return runCommand(program, all, { ...rest, deadlineMs: UNTIMED_MS });
}

/** A contender that is a script of a Python, or the reason why that Python can't be had. */
export function withPython(
  name: string,
  python: Started<Python>,
  prepare: (python: Python) => Promise<Prepared>,
): Contender | Absent {
  return python.available ? { name, prepare: () => prepare(python) } : { name, reason: python.reason };
}
