import { type Chance, chanceOf } from './chance.ts';

/** What can go wrong, and how often in a seed that has it: the probability at each place where it can. */
const USUAL = {
  /** A process ends at a call: before it is sent, with the request in flight, or after it took effect. */
  crash: 0.012,
  /** A process stands still for longer than its lease or its lock, then goes on as if nothing had been. */
  pause: 0.008,
  /** SIGTERM. */
  interrupt: 0.1,
  /** The request took effect, and the caller hears that the store is away. */
  lostAnswer: 0.008,
  /** The store does not take the request. */
  refused: 0.006,
  /** The caller hears that the store is away, and the request takes effect later. */
  late: 0.008,
  /** A request takes effect a second time, much later: a retry overtook the first try. */
  echo: 0.01,
  /** An answer arrives long after it was true. */
  slow: 0.02,
  /** What is read is damaged on its way, or cut. */
  corrupt: 0.004,
  /** The store is away for a while. */
  storeOutage: 0.3,
  /** The queue forgets a job. */
  queueLoss: 0.06,
  /** FLUSHALL. */
  queueFlush: 0.4,
  /** A job is delivered to a second worker while the first one is at it. */
  queueTwice: 0.15,
  /** The queue is away for a while. */
  queueOutage: 0.4,
  /** The source can't be reached. */
  sourceDown: 0.01,
  /** A cursor dies, and reading resumes where it stood. */
  cursorDeath: 0.1,
  /** The wall clocks of coordinators are wrong, and jump. */
  clockSkew: 0.5,
  /** A document is written that can't be stored. */
  broken: 0.06,
  /** A document is stamped with a time that is past, or one to come. */
  oddStamp: 0.3,
} as const;

export type Fault = keyof typeof USUAL;

/** Every kind of fault. */
export const FAULTS = Object.keys(USUAL) as readonly Fault[];

/** What a seed draws before it begins. Times in milliseconds. */
export interface Options {
  readonly seed: number;
  readonly ids: number;
  readonly idKind: 'integers' | 'texts';
  readonly partitions: number;
  readonly ranges: number;
  /** How the source cuts what is read: by `_id`, or by the cursor. */
  readonly splitBy: 'id' | 'time';
  readonly coordinators: number;
  readonly workers: number;
  /** What coordinators are told to do, in all. */
  readonly operations: number;
  /** Changes in the source. */
  readonly writes: number;
  readonly leaseTtl: number;
  readonly lockDuration: number;
  readonly allowedLateness: number;
  readonly retention: number;
  readonly checkpointInterval: number;
  /** Extract jobs of a run at once. */
  readonly maxConcurrentReads: number;
  readonly rowsPerFile: number;
  /** Probabilities; 0 for what does not happen. */
  readonly faults: Readonly<Record<Fault, number>>;
}

/** What is asked of a run of the simulation, on top of its seed: how a failing seed is made smaller. */
export interface Limits {
  readonly without?: readonly Fault[];
  /** Faults that every seed has, and often. */
  readonly focus?: readonly Fault[];
  readonly operations?: number;
  readonly writes?: number;
}

/** The options of a seed. */
export function drawOptions(seed: number, limits: Limits = {}): Options {
  const chance = chanceOf(seed, 'options');
  const most = chance.pick([3, 12, 40]);
  const operations = chance.integer(3, 8);
  const writes = chance.pick([5, 25, 60]);
  return {
    seed,
    ids: chance.integer(1, most),
    idKind: chance.pick(['integers', 'texts']),
    partitions: chance.pick([1, 2, 4]),
    ranges: chance.integer(1, 3),
    splitBy: chance.pick(['id', 'time']),
    coordinators: chance.pick([1, 2, 2, 3]),
    workers: chance.integer(1, 3),
    leaseTtl: chance.pick([5_000, 15_000, 30_000]),
    lockDuration: chance.pick([5_000, 30_000]),
    allowedLateness: chance.pick([30_000, 120_000]),
    retention: chance.pick([20_000, 60_000, 600_000]),
    checkpointInterval: chance.hits(0.1) ? 2 : 1000,
    rowsPerFile: chance.integer(2, 6),
    faults: drawFaults(chance, limits),
    operations: Math.min(operations, limits.operations ?? operations),
    writes: Math.min(writes, limits.writes ?? writes),
    maxConcurrentReads: chance.integer(1, 3),
  };
}

/** Probabilities are of one thing at one place: more often than this, hardly anything would come to its end. */
const MOST = 0.8;
const FOCUSED = 6;

function drawFaults(chance: Chance, { without = [], focus = [] }: Limits): Options['faults'] {
  const intensity = chance.pick([0.5, 1, 3]);
  const share = chance.pick([0.25, 0.5, 0.8]);
  const drawn = FAULTS.map((fault) => {
    const happens = chance.hits(share);
    const factor = focus.includes(fault) ? FOCUSED : happens && !without.includes(fault) ? intensity : 0;
    return [fault, Math.min(MOST, USUAL[fault] * factor)] as const;
  });
  return Object.fromEntries(drawn) as Options['faults'];
}

/** The options in a few lines. */
export function describeOptions({ faults, ...plain }: Options): readonly string[] {
  const on = FAULTS.filter((fault) => faults[fault] > 0).map((fault) => `${fault} ${faults[fault]}`);
  return [
    Object.entries(plain)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    `faults: ${on.join(', ') || 'none'}`,
  ];
}
