// `npm run image:rootfs -- FOLDER`: makes the image's root file system in a new folder, without a container engine. The last step is the
// Dockerfile's own (docker/rootfs.sh); those before it are `npm run build`, done before, and `npm prune --omit=dev`, which is
// here a copy of the packages that npm says are left after it. Node.js and the libraries are this machine's.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Makes the root file system in `out`, which may not be there yet. Throws where mongolake is not built. */
export function makeRootfs(out: string): void {
  if (!existsSync(join(ROOT, 'dist/cli.js'))) throw new Error('dist/cli.js is not there: npm run build');
  if (existsSync(out)) throw new Error(`${out} is there already: name a new folder`);
  // Beside it, so that what is moved there is not copied again.
  const stage = mkdtempSync(join(dirname(resolve(out)), '.rootfs-'));
  try {
    const parts = ['package.json', 'LICENSE', 'docker', 'dist', ...productionPackages()];
    execFileSync('cp', ['--archive', '--parents', ...parts, stage], { cwd: ROOT });
    execFileSync('sh', ['docker/rootfs.sh', resolve(out)], { cwd: stage, stdio: 'inherit' });
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** Folders of the packages that are installed without those for development, relative to the repository. */
function productionPackages(): readonly string[] {
  // Of the lock alone: what else is installed does not matter.
  const args = ['ls', '--omit=dev', '--all', '--parseable', '--package-lock-only'];
  const [root = '', ...packages] = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  // Those of other platforms are not there.
  return packages.map((path) => relative(root, path)).filter((path) => existsSync(join(ROOT, path)));
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [out] = argv.slice(2);
  if (out === undefined) throw new Error('usage: npm run image:rootfs -- FOLDER');
  makeRootfs(out);
}
