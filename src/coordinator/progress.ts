import type { Stage } from '../shared/domain/stage.ts';

/** How far a stage is: jobs done of all, and what the finished and running ones have read or written. */
export interface StageProgress {
  readonly stage: Stage;
  readonly done: number;
  readonly total: number;
  readonly documents: number;
  /** Documents that the stage will have handled at its end; `undefined` where that is not known. */
  readonly documentsTotal: number | undefined;
  readonly bytes: number;
}

/** Told of a run's progress, for bars, lines and metrics. Must not throw. */
export type ProgressListener = (progress: StageProgress) => void;
