import { FAULTS, type Limits } from './options.ts';
import { type Outcome, simulate } from './simulation.ts';

/** A failing seed with less in it, which breaks the same promise. */
export interface Shrunk {
  readonly limits: Limits;
  readonly outcome: Outcome;
}

/**
 * Takes out of a failing seed what it does not need to fail: kinds of faults, then operations, then writes, until nothing more can go.
 * What is left plays out another way, so not everything that could go does.
 */
export async function shrink(failing: Outcome): Promise<Shrunk> {
  let best: Shrunk = { limits: {}, outcome: failing };
  const attempt = async (limits: Limits): Promise<boolean> => {
    const outcome = await simulate(failing.seed, limits);
    if (outcome.violation?.promise !== failing.violation?.promise) return false;
    best = { limits, outcome };
    return true;
  };
  for (let before: Shrunk | undefined; before !== best; ) {
    before = best;
    for (const fault of FAULTS) {
      if (best.outcome.options.faults[fault] === 0) continue;
      await attempt({ ...best.limits, without: [...(best.limits.without ?? []), fault] });
    }
    for (const what of ['operations', 'writes'] as const) {
      while (best.outcome.options[what] > 0) {
        const fewer = what === 'writes' ? best.outcome.options[what] >> 1 : best.outcome.options[what] - 1;
        if (!(await attempt({ ...best.limits, [what]: fewer }))) break;
      }
    }
  }
  return best;
}
