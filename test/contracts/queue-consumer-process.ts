import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';

/**
 * A worker to be killed: takes one job at a time and never finishes it. Arguments: URL, prefix, lock and stalled interval in
 * milliseconds. Prints the id of each job that it takes.
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
  async ({ job }) => {
    process.stdout.write(`${job.id}\n`);
    await new Promise(() => {});
  },
  { concurrency: 1 },
);
