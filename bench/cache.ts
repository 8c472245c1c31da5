import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from '../test/services/cache.ts';
import { progress } from './progress.ts';

/** The folder of data, Python packages and tables: MONGOLAKE_BENCH_CACHE, else mongolake-bench in the user's cache folder. */
export function benchCache(): string {
  const given = process.env.MONGOLAKE_BENCH_CACHE;
  if (given) return given;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mongolake-bench');
}

/** A folder of the cache, filled by `build` where it is missing or half done. Throws what `build` throws. */
export async function kept(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(benchCache(), name);
  const mark = join(folder, '.complete');
  if (existsSync(mark)) return folder;
  progress(`making ${name} (once, in ${benchCache()})`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build(folder);
  writeFileSync(mark, '');
  return folder;
}

/** Changes with any of these files of bench/: data of an older generator is not taken for that of this one. */
export function sourcesKey(paths: readonly string[]): string {
  return fingerprint(paths.map((path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)))));
}
