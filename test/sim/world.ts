import { type Chance, chanceOf } from './chance.ts';
import { FAULTS, type Fault, type Options } from './options.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTrace, type Trace } from './trace.ts';

/** Where the simulation's time begins, epoch milliseconds. */
export const START = Date.UTC(2026, 0, 1);

/** What all parts of one simulation share. */
export interface World {
  readonly options: Options;
  readonly timeline: Timeline;
  readonly trace: Trace;
  /** A stream of chance of this seed. */
  chance(name: string): Chance;
  /** Whether the fault happens here and now; `weight` makes it likelier where it hurts more. Noted where it does. */
  strikes(fault: Fault, weight?: number): boolean;
  /** From here on nothing goes wrong any more. */
  calm(): void;
  readonly isCalm: boolean;
  /** How often each fault has struck. */
  readonly struck: Readonly<Record<Fault, number>>;
  /** The true time, epoch milliseconds. */
  now(): number;
}

/** The world of a seed, before anything has happened in it. */
export function createWorld(options: Options): World {
  const timeline = createTimeline();
  const trace = createTrace(() => timeline.now);
  const streams = new Map<Fault, Chance>();
  const struck = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>;
  let isCalm = false;
  return {
    options,
    timeline,
    trace,
    chance: (name) => chanceOf(options.seed, name),
    strikes(fault, weight = 1) {
      const stream = streams.get(fault) ?? chanceOf(options.seed, fault);
      streams.set(fault, stream);
      if (!stream.hits(options.faults[fault] * weight) || isCalm) return false;
      struck[fault] += 1;
      return true;
    },
    calm: () => {
      isCalm = true;
    },
    get isCalm() {
      return isCalm;
    },
    struck,
    now: () => START + timeline.now,
  };
}

/** A promise of the simulation that was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which one, such as `I1`. */
  readonly promise: string;

  constructor(promise: string, message: string) {
    super(`${promise}: ${message}`);
    this.promise = promise;
  }
}
