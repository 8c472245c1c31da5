// `npm test`, on a bare checkout too: installs what is missing, builds, runs vitest with the arguments given here, and ends
// stdout with the line "N passed, N failed, N skipped", whatever happens. The exit code is that of the step that failed, or
// vitest's.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installIsStale, NPM, ROOT, run } from './setup.mjs';

const NO_RUN = { passed: 0, failed: 0, skipped: 0 };

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
    const code = await run(process.execPath, [vitest, 'run', ...args], { env: { MONGOLAKE_TEST_COUNTS: file } });
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
