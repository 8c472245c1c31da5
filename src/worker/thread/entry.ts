import type {
  CompactTask,
  CompareOutcome,
  CompareTask,
  LocateTask,
  MergedFile,
  MergeOutcome,
  MergeTask,
  RewriteOutcome,
  RewriteTask,
  TaskResult,
} from './engine.ts';
import { settle } from './failure.ts';
import { type ShuffleOutcome, type ShuffleTask, shuffle as shuffleSlab } from './shuffle.ts';
import { type StopLine, stoppable } from './stop.ts';
import * as task from './task.ts';

interface Stoppable {
  readonly line: StopLine;
}

/** Entry points of a piscina thread, by name. */
export function merge({ line, ...merge }: MergeTask & Stoppable): Promise<TaskResult<MergeOutcome>> {
  return settle(merge, () => stoppable(line, (signal) => task.merge(merge, signal)));
}

export function compare({ line, ...compare }: CompareTask & Stoppable): Promise<TaskResult<CompareOutcome>> {
  return settle(compare, () => stoppable(line, (signal) => task.compare(compare, signal)));
}

export function rewrite({ line, ...rewrite }: RewriteTask & Stoppable): Promise<TaskResult<RewriteOutcome>> {
  return settle(rewrite, () => stoppable(line, (signal) => task.rewrite(rewrite, signal)));
}

export function compact({ line, ...compact }: CompactTask & Stoppable): Promise<TaskResult<MergedFile>> {
  return settle(compact, () => stoppable(line, (signal) => task.compact(compact, signal)));
}

export function locate(locate: LocateTask): Promise<TaskResult<readonly number[]>> {
  return settle({ memoryBytes: 0, scratch: locate.sections[0]?.path ?? '' }, () => task.locate(locate));
}

export function shuffle(shuffle: ShuffleTask): Promise<TaskResult<ShuffleOutcome>> {
  return settle({ memoryBytes: 0, scratch: '' }, () => shuffleSlab(shuffle));
}
