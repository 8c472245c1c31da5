import { asMongolakeError, MongolakeError } from '../../shared/domain/errors.ts';
import type { TaskResult } from './engine.ts';

/** Runs a task; what it throws becomes its answer. */
export async function settle<T>(memoryBytes: number, task: () => T | Promise<T>): Promise<TaskResult<T>> {
  try {
    return { kind: 'done', value: await task() };
  } catch (error) {
    const { code, message, hint, stack } = explained(error, memoryBytes);
    return { kind: 'failed', code, message, hint, stack };
  }
}

/** DuckDB tells what went wrong in its message only. */
function explained(error: unknown, memoryBytes: number): MongolakeError {
  const message = error instanceof Error ? error.message : String(error);
  if (/No space left on device|max_temp_directory_size/.test(message)) {
    return new MongolakeError('SCRATCH', `the scratch disk is full: ${firstLine(message)}`, {
      hint: 'Free space there, or point worker.scratch to a larger disk.',
      cause: error,
    });
  }
  if (message.startsWith('Out of Memory Error')) {
    const given = `${Math.floor(memoryBytes / 1e6)} MB`;
    return new MongolakeError('JOB_FAILED', `the merge needs more memory than ${given}: ${firstLine(message)}`, {
      hint: 'Raise worker.memory, or use more partitions in a new table.',
      cause: error,
    });
  }
  return asMongolakeError(error);
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}
