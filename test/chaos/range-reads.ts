import type { Running } from '../e2e/cli.ts';

/** A line of a worker's log, at debug level. */
interface WorkerLine {
  /** ISO 8601, with milliseconds. */
  readonly time: string;
  readonly message: string;
  readonly range?: number;
  readonly rows?: number;
}

/** When each range was first known to be finished, epoch milliseconds: its receipt was there by then. */
export type FinishedRanges = Map<number, number>;

/**
 * Readings of ranges that were finished before: what `seen` from outside or a worker's own report of the reading proves. A job that was
 * handed out anew reads nothing where its range is finished: it ends with no row, or with its worker. All by one machine's clock.
 */
export function repeatedReads(workers: readonly Running[], seen: FinishedRanges): readonly string[] {
  const logs = workers.map(({ lines }) => lines.filter((line) => line.startsWith('{')).map(parsed));
  const finished = new Map(seen);
  for (const { message, range, rows = 0, time } of logs.flat()) {
    if (range === undefined || message !== 'extract done' || rows === 0) continue;
    finished.set(range, Math.min(finished.get(range) ?? Number.POSITIVE_INFINITY, Date.parse(time)));
  }
  return logs.flatMap((log) =>
    log.flatMap(({ message, range, time }, at) => {
      if (message !== 'extract started' || range === undefined) return [];
      // One that began before the receipt was there reads its range in good faith.
      if (Date.parse(time) <= (finished.get(range) ?? Number.POSITIVE_INFINITY)) return [];
      const end = log.slice(at + 1).find((later) => later.range === range);
      if (end === undefined || (end.message === 'extract done' && end.rows === 0)) return [];
      return [`range ${range} at ${time}: ${end.message}, ${end.rows} rows`];
    }),
  );
}

function parsed(line: string): WorkerLine {
  return JSON.parse(line) as WorkerLine;
}
