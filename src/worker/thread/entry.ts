import type { LocateTask, MergeOutcome, MergeTask, TaskResult } from './engine.ts';
import { settle } from './failure.ts';
import * as task from './task.ts';

/** Entry points of a piscina thread, by name. */
export function merge(merge: MergeTask): Promise<TaskResult<MergeOutcome>> {
  return settle(merge.memoryBytes, () => task.merge(merge));
}

export function locate(locate: LocateTask): Promise<TaskResult<readonly number[]>> {
  return settle(0, () => task.locate(locate));
}
