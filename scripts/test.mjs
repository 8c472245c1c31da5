// `npm test`, on a bare checkout too: installs what is missing, builds, runs vitest with the arguments given here, and ends
// stdout with the line "N passed, N failed, N skipped", whatever happens. The exit code is that of the step that failed, or
// vitest's.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const NO_RUN = { passed: 0, failed: 0, skipped: 0 };

/** Whether `npm ci` is due: never installed, or package-lock.json is newer than what is installed. */
function installIsStale() {
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return true;
  return statSync(join(ROOT, 'package-lock.json')).mtimeMs > statSync(installed).mtimeMs;
}

/** Runs a command with our stdout and stderr and no stdin; resolves to its exit code (128 + signal where a signal ended it). */
function run(command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: command.endsWith('.cmd'),
  });
  // Ctrl-C reaches the child by itself; we stay to print the last line.
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

/** The counts that test/reporter.ts wrote, or undefined where vitest ended before that. */
function readCounts(file) {
  if (!existsSync(file)) return undefined;
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(readFileSync(file, 'utf8'));
  return match ? { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) } : undefined;
}

async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-counts-'));
  const file = join(folder, 'counts');
  try {
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const code = await run(process.execPath, [vitest, 'run', ...args], { MONGOLAKE_TEST_COUNTS: file });
    const counts = readCounts(file);
    if (!counts) console.error(`vitest ended (exit code ${code}) without its counts`);
    return { code: counts ? code : code || 1, counts: counts ?? NO_RUN };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(args) {
  if (installIsStale()) {
    const code = await run(NPM, ['ci']);
    if (code !== 0) return { code, counts: NO_RUN };
  }
  const code = await run(NPM, ['run', 'build']);
  return code === 0 ? runTests(args) : { code, counts: NO_RUN };
}

const { code, counts } = await main(process.argv.slice(2));
// What failed was not a test: still, "0 failed" would lie.
const failed = code !== 0 && counts.failed === 0 ? 1 : counts.failed;
process.exitCode = code;
process.stdout.write(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
