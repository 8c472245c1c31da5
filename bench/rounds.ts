import { messageOf } from '../test/services/result.ts';
import { type Absent, type Figures, isAbsent, type Prepared, type Scenario } from './contender.ts';
import { type Measured, measure } from './measure.ts';
import { progress } from './progress.ts';

/** What a contender needed, a number for each round. */
export interface Outcome {
  readonly name: string;
  readonly seconds: readonly number[];
  /** Of the same program with nothing to do; empty where there is no such thing. */
  readonly startSeconds: readonly number[];
  readonly cpuSeconds: readonly number[];
  readonly peakBytes: readonly number[];
  /** Of the last round. */
  readonly figures: Figures;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly documents?: number;
  /** Name of the one that the others are compared with; it may be absent. */
  readonly baseline: string;
  /** In the scenario's order, but for those who are absent or failed. */
  readonly outcomes: readonly Outcome[];
  readonly absent: readonly Absent[];
}

interface Run extends Measured {
  readonly startSeconds: number | undefined;
  readonly figures: Figures;
}

/**
 * Lets all contenders do the job, one after the other, and again in each round: what drifts on the machine hits all alike. One that
 * fails is out, by its error.
 */
export async function runRounds(scenario: Scenario, rounds: number): Promise<ScenarioResult> {
  const { contenders, ...about } = scenario;
  const absent = contenders.filter(isAbsent);
  const entrants: Entrant[] = [];
  for (const contender of contenders) {
    if (isAbsent(contender)) continue;
    progress(`${scenario.name}: preparing ${contender.name}`);
    const prepared = await orFailed(contender.name, absent, contender.prepare);
    if (prepared) entrants.push({ name: contender.name, prepared, runs: [] });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { name, prepared, runs } of [...entrants]) {
      const run = await orFailed(name, absent, () => runOnce(prepared));
      if (run) {
        runs.push(run);
        progress(`${scenario.name}: round ${round} of ${rounds}: ${name} ${run.seconds.toFixed(2)} s`);
      } else
        entrants.splice(
          entrants.findIndex((one) => one.name === name),
          1,
        );
    }
  }
  const baseline = contenders[0]?.name ?? '';
  return { ...about, baseline, outcomes: entrants.map(outcomeOf), absent };
}

/** A contender in the race, with its runs so far. */
interface Entrant {
  readonly name: string;
  readonly prepared: Prepared;
  readonly runs: Run[];
}

async function orFailed<T>(name: string, absent: Absent[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const reason = `failed: ${messageOf(error).replace(/\s+/g, ' ').trim()}`;
    progress(`${name} ${reason}`);
    absent.push({ name, reason });
    return undefined;
  }
}

async function runOnce({ reset, job, beside, idle, secondsOf, inspect }: Prepared): Promise<Run> {
  const start = idle && (await measure(idle));
  reset();
  const measured = await measure(job, beside);
  const seconds = secondsOf?.(measured.stdout) ?? measured.seconds;
  return { ...measured, seconds, startSeconds: start?.seconds, figures: await inspect(measured.stdout) };
}

function outcomeOf({ name, runs }: Entrant): Outcome {
  return {
    name,
    seconds: runs.map(({ seconds }) => seconds),
    startSeconds: runs.flatMap(({ startSeconds }) => startSeconds ?? []),
    cpuSeconds: runs.map(({ cpuSeconds }) => cpuSeconds),
    peakBytes: runs.map(({ peakBytes }) => peakBytes),
    figures: runs.at(-1)?.figures ?? {},
  };
}
