import { FAULTS, type Fault } from './options.ts';
import { simulate } from './simulation.ts';

/** What a child process tells of one seed, a line of JSON each. */
export interface SeedLine {
  readonly seed: number;
  /** The promise that was broken, and how; `null` where all were kept. */
  readonly violation: string | null;
  readonly hash: string;
  readonly commits: number;
  readonly lasted: number;
  /** How often each fault has struck. */
  readonly struck: Readonly<Record<string, number>>;
}

/**
 * `child.ts FROM TO STEP [FAULT …]`: every STEP-th seed, one after the other, with these faults often; a process of its own, so that
 * there may be as many as processors.
 */
const [from = 1, to = 1, step = 1] = process.argv.slice(2, 5).map(Number);
const focus = process.argv.slice(5) as Fault[];
// The seed that is under way still ends, so that its scratch folder goes.
let isTold = false;
process.once('SIGTERM', () => {
  isTold = true;
});
for (let seed = from; seed <= to && !isTold; seed += step) {
  const { violation, hash, commits, lasted, struck } = await simulate(seed, { focus });
  const only = Object.fromEntries(FAULTS.filter((fault) => struck[fault] > 0).map((fault) => [fault, struck[fault]]));
  const line: SeedLine = { seed, violation: violation?.message ?? null, hash, commits, lasted, struck: only };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
