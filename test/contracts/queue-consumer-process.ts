import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';

/**
 * A worker that never finishes a job, to be killed. On SIGTERM it closes its queue, and ends where nothing keeps it up.
 * Arguments: URL, prefix, lock and stalled interval in milliseconds. Prints the id of each job that it takes.
 */
const [url = '', prefix = '', lockDurationMs = '', stalledIntervalMs = ''] = process.argv.slice(2);
const queue = bullmqQueue({
  url,
  prefix,
  clock: systemClock(),
  onError: (error) => process.stderr.write(`${error.code} ${error.message}\n`),
  lockDurationMs: Number(lockDurationMs),
  stalledIntervalMs: Number(stalledIntervalMs),
});
await queue.consume(
  async ({ job, signal }) => {
    process.stdout.write(`${job.id}\n`);
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  },
  { concurrency: 1 },
);
process.once('SIGTERM', () => void queue.close());
