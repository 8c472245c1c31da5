import type { LocateTask, MergeOutcome, MergeTask, TaskResult } from './engine.ts';
import { settle } from './failure.ts';
import { type StopLine, stoppable } from './stop.ts';
import * as task from './task.ts';

/** Entry points of a piscina thread, by name. */
export function merge({ line, ...merge }: MergeTask & { readonly line: StopLine }): Promise<TaskResult<MergeOutcome>> {
  return settle(merge.memoryBytes, () => stoppable(line, (signal) => task.merge(merge, signal)));
}

export function locate(locate: LocateTask): Promise<TaskResult<readonly number[]>> {
  return settle(0, () => task.locate(locate));
}
