import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './files.ts';

/** A run of a shell script in which one program was a stub. */
export interface StubbedRun {
  readonly code: number | null;
  readonly stdout: string;
  /** The arguments of each call of the stub. */
  readonly calls: readonly (readonly string[])[];
}

/** Runs a script of the repository with `program` replaced by one that notes its arguments and exits with `exit`. */
export function runStubbed(
  script: string,
  args: readonly string[],
  options: {
    readonly folder: string;
    readonly program: string;
    readonly exit?: number;
    readonly env: NodeJS.ProcessEnv;
  },
): StubbedRun {
  const bin = join(options.folder, 'bin');
  const log = join(options.folder, 'calls');
  mkdirSync(bin, { recursive: true });
  rmSync(log, { force: true });
  const stub = join(bin, options.program);
  writeFileSync(
    stub,
    `#!/bin/sh\nprintf '%s\\0' "$@" >>'${log}'\nprintf '\\n\\0' >>'${log}'\nexit ${options.exit ?? 0}\n`,
  );
  chmodSync(stub, 0o755);
  const { status, stdout } = spawnSync('sh', [join(ROOT, script), ...args], {
    env: { PATH: `${bin}:${process.env.PATH}`, ...options.env },
    encoding: 'utf8',
  });
  const noted = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const calls = noted
    .split('\n\0')
    .filter((call) => call !== '')
    .map((call) => call.split('\0').slice(0, -1));
  return { code: status, stdout, calls };
}
