import type { Outcome, ScenarioResult } from '../../bench/rounds.ts';

/** An outcome of one round, but for what is given. */
export function outcome(name: string, given: Partial<Outcome> = {}): Outcome {
  return { name, seconds: [1], startSeconds: [], cpuSeconds: [1], peakBytes: [100e6], figures: {}, ...given };
}

/** A result whose baseline is mongolake. */
export function result(given: Partial<ScenarioResult> = {}): ScenarioResult {
  return {
    name: 'merge-uniform',
    title: 'Merge',
    about: 'Rows change. More of it.',
    baseline: 'mongolake',
    outcomes: [],
    absent: [],
    ...given,
  };
}
