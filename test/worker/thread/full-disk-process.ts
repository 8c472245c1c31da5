import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { MergeTask } from '../../../src/worker/thread/engine.ts';
import { settle } from '../../../src/worker/thread/failure.ts';
import { merge } from '../../../src/worker/thread/task.ts';

/** Where Linux shows what a process has open. */
const OPEN_FILES = '/proc/self/fd';

/**
 * Merges as a worker's thread does, in a process that the system lets write only short files. Argument: the task as JSON. Prints the
 * answer, and which files of the scratch folder are still open, as JSON.
 */
const task = JSON.parse(process.argv[2] ?? '') as MergeTask;
const answer = await settle(task, () => merge(task));
const open = existsSync(OPEN_FILES) ? readdirSync(OPEN_FILES).map(targetOf) : [];
process.stdout.write(JSON.stringify({ answer, open: open.filter((path) => path.startsWith(task.scratch)) }));

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`${OPEN_FILES}/${descriptor}`);
  } catch {
    // The one that the listing itself had open.
    return '';
  }
}
