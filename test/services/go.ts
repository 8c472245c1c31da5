import { join } from 'node:path';
import { cached, isCached } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';

/** A program that is built with Go. */
export interface GoProgram {
  /** Of the cache entry, with the version. */
  readonly entry: string;
  /** The file that the build leaves in the entry's folder. */
  readonly program: string;
  /** Arguments of `go`; `{out}` stands for the entry's folder, GOBIN is it too. */
  readonly args: readonly string[];
  readonly cwd?: string;
}

const BUILD_MS = 20 * 60_000;

/** Whether it is built already: then it takes neither Go nor time. */
export function isBuilt({ entry, program }: Pick<GoProgram, 'entry' | 'program'>): boolean {
  return isCached({ name: entry, check: program });
}

/**
 * The path of a program that is built once per machine and version, with two jobs and low priority. Undefined where it is
 * not built and there is no Go; throws where the build fails. Minutes for the first call.
 */
export async function goProgram(plan: GoProgram): Promise<string | undefined> {
  const go = findOnPath('go') ?? '';
  if (!go && !isBuilt(plan)) return undefined;
  const folder = await cached({
    name: plan.entry,
    check: plan.program,
    build: async (out) => {
      const nice = findOnPath('nice');
      const args = plan.args.map((arg) => arg.replaceAll('{out}', out));
      const env = { GOBIN: out, GOFLAGS: '-p=2 -buildvcs=false', CGO_ENABLED: '0' };
      const options = { env, deadlineMs: BUILD_MS, ...(plan.cwd === undefined ? {} : { cwd: plan.cwd }) };
      await (nice ? runCommand(nice, ['-n', '10', go, ...args], options) : runCommand(go, args, options));
    },
  });
  return join(folder, plan.program);
}
