import type { Stage, StageDurations } from '../shared/domain/stage.ts';
import type { Clock } from '../shared/ports/clock.ts';

/** Measures the stages of one run, which follow each other. */
export interface StageTimer {
  /** The stage ends now; the next one begins. */
  ended(stage: Stage): void;
  durations(): StageDurations;
  /** Milliseconds since the first stage began. */
  elapsedMs(): number;
}

/** A timer whose first stage begins now. */
export function stageTimer(clock: Clock): StageTimer {
  const durations = { window: 0, extract: 0, schema: 0, merge: 0, commit: 0 };
  const started = clock.monotonic();
  let begun = started;
  return {
    ended(stage) {
      const now = clock.monotonic();
      durations[stage] = Math.round(now - begun);
      begun = now;
    },
    durations: () => durations,
    elapsedMs: () => Math.round(clock.monotonic() - started),
  };
}
