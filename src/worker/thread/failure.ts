import { asMongolakeError, MongolakeError } from '../../shared/domain/errors.ts';
import type { TaskResult } from './engine.ts';

/** What a task works with, for messages. */
interface Means {
  readonly memoryBytes: number;
  /** Its files. */
  readonly scratch: string;
}

/** Runs a task; what it throws becomes its answer. */
export async function settle<T>(means: Means, task: () => T | Promise<T>): Promise<TaskResult<T>> {
  try {
    return { kind: 'done', value: await task() };
  } catch (error) {
    const { code, message, hint, stack } = explained(error, means);
    return { kind: 'failed', code, message, hint, stack };
  }
}

/** How DuckDB says that the disk is full; it tells what went wrong in its message only. */
const DISK_FULL = /No space left on device|Disk quota exceeded|File too large|max_temp_directory_size/;

function explained(error: unknown, { memoryBytes, scratch }: Means): MongolakeError {
  const message = error instanceof Error ? error.message : String(error);
  if (DISK_FULL.test(message) || isSystemError(error)) {
    return new MongolakeError('SCRATCH', `the scratch folder ${scratch} can't be used: ${firstLine(message)}`, {
      hint: 'Free space there, or point worker.scratch to a larger disk.',
      cause: error,
    });
  }
  if (isOutOfMemory(error)) {
    const given = `${Math.floor(memoryBytes / 1e6)} MB`;
    return new MongolakeError('JOB_FAILED', `the merge needs more memory than ${given}: ${firstLine(message)}`, {
      hint: 'Raise worker.memory, or give the table more partitions: `mongolake repartition --partitions N`.',
      cause: error,
    });
  }
  return asMongolakeError(error);
}

/** Whether DuckDB had no room for something, although it spilled what it could. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Out of Memory Error') && !DISK_FULL.test(error.message);
}

/** An error of a call of Node to the system: a thread makes none but for its scratch files. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}
