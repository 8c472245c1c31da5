// What a bare checkout needs before anything in it runs: the packages of package-lock.json, and dist/.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** Whether `npm ci` is due: never installed, or package-lock.json is newer than what is installed. */
export function installIsStale() {
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  return isOlder(installed, join(ROOT, 'package-lock.json'));
}

/** Whether `npm run build` is due: a file of dist/ is missing, or older than what it is made from. */
export function buildIsStale() {
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json'];
  if (settings.some((name) => isOlder(join(ROOT, 'dist', 'cli.js'), join(ROOT, name)))) return true;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true }).filter((name) => /(?<!\.d)\.ts$/.test(name));
  return sources.some((name) => isOlder(join(ROOT, 'dist', name.replace(/\.ts$/, '.js')), join(ROOT, 'src', name)));
}

/** Removes what a build that failed may have left, so that it does not pass for built. */
export function dropBuild() {
  rmSync(join(ROOT, 'dist', 'cli.js'), { force: true });
}

/** What is wrong with this Node.js, or undefined where it will do. */
export function nodeProblem() {
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node;
  const [major, minor] = wanted.replace('>=', '').split('.').map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return undefined;
  return `this is Node.js ${process.versions.node}; mongolake needs ${wanted}`;
}

/**
 * Runs a command with our stdout and stderr and no stdin, in the repository's root unless `cwd` is given; resolves to its exit
 * code (128 + signal where a signal ended it).
 */
export function run(command, args, { cwd = ROOT, env = {} } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: command.endsWith('.cmd'),
  });
  // Ctrl-C reaches the child by itself; we stay to say what became of it.
  const pass = (signal) => child.kill(signal);
  const stay = () => {};
  process.on('SIGTERM', pass).on('SIGINT', stay);
  return new Promise((resolve) => {
    const end = (code) => {
      process.off('SIGTERM', pass).off('SIGINT', stay);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      end(127);
    });
    child.once('exit', (code, signal) => end(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function isOlder(made, source) {
  return !existsSync(made) || statSync(made).mtimeMs < statSync(source).mtimeMs;
}
