// Syncs tables from your own code, with a deadline, and tells what came of each:
//   node examples/library/sync.mjs mongolake.yaml guest.notifications 900
import process, { argv, stderr, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { MongolakeError, sync } from 'mongolake';

/**
 * What a scheduler calls: an activity, a task, a handler. `signal` is its cancellation, `heartbeat` tells it that work goes on. Throws where
 * the configuration is wrong, or a table failed and there is no use in trying again.
 */
export async function syncTables({ config, target, deadlineSeconds }, { signal, heartbeat }) {
  const deadline = AbortSignal.timeout(deadlineSeconds * 1000);
  const results = await sync({
    config,
    target,
    signal: AbortSignal.any([signal, deadline]),
    onProgress: ({ table, stage, done, total }) => heartbeat(`${table} ${stage} ${done}/${total}`),
  });
  const failed = results.filter((result) => result.status === 'failed');
  const lost = failed.find(({ error }) => !error.retryable);
  if (lost !== undefined) throw new MongolakeError(lost.error.code, `${lost.table}: ${lost.error.message}`);
  return { results, tryAgain: failed.map(({ table }) => table) };
}

async function main([config = 'mongolake.yaml', target, deadlineSeconds = '900']) {
  const { signal } = new AbortController();
  const heartbeat = (text) => stderr.write(`${text}\n`);
  const { results, tryAgain } = await syncTables(
    { config, target, deadlineSeconds: Number(deadlineSeconds) },
    { signal, heartbeat },
  );
  for (const result of results) {
    const what =
      result.status === 'failed'
        ? `${result.error.code}: ${result.error.message}`
        : `version ${result.version}, ${result.inserted} inserted, ${result.updated} updated`;
    stdout.write(`${result.table}: ${result.status}, ${what}\n`);
  }
  return tryAgain.length === 0 ? 0 : 75;
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  try {
    process.exitCode = await main(argv.slice(2));
  } catch (error) {
    if (!(error instanceof MongolakeError)) throw error;
    stderr.write(`${error.code}: ${error.message}\n${error.hint ?? ''}\n`);
    process.exitCode = error.exitCode;
  }
}
