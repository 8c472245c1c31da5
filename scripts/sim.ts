import { parseArgs } from 'node:util';
import { describeOptions, FAULTS, type Fault, type Limits } from '../test/sim/options.ts';
import { runSeeds, type Sum } from '../test/sim/seeds.ts';
import { shrink } from '../test/sim/shrink.ts';
import { type Outcome, simulate } from '../test/sim/simulation.ts';

const USAGE = `npm run sim -- --seed N                 one seed: what it drew, what happened, and whether every promise was kept
  --all                                  every step, reads too
  --without crash,pause --operations N --writes N   with less in it
npm run sim -- --seeds 1..2000          many seeds, and what they came to
kinds of faults: ${FAULTS.join(', ')}`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    all: { type: 'boolean', default: false },
    without: { type: 'string' },
    operations: { type: 'string' },
    writes: { type: 'string' },
  },
});

if (values.seed !== undefined) process.exitCode = await oneSeed(Number(values.seed), limitsOf(values));
else if (values.seeds !== undefined) process.exitCode = await manySeeds(values.seeds);
else console.log(USAGE);

function limitsOf({ without, operations, writes }: typeof values): Limits {
  return {
    ...(without === undefined ? {} : { without: without.split(',') as Fault[] }),
    ...(operations === undefined ? {} : { operations: Number(operations) }),
    ...(writes === undefined ? {} : { writes: Number(writes) }),
  };
}

/** Tells the story of a seed; one that fails is told as short as it can be made. */
async function oneSeed(seed: number, limits: Limits): Promise<number> {
  const outcome = await simulate(seed, limits);
  const isWhole = Object.keys(limits).length === 0;
  if (outcome.violation === undefined || !isWhole) return tell(outcome);
  console.log(`seed ${seed} breaks a promise: ${outcome.violation.message}\nmaking it smaller …\n`);
  const shrunk = await shrink(outcome);
  const { without, operations, writes } = shrunk.limits;
  const flags = Object.entries({ without: without?.join(','), operations, writes })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` --${name} ${value}`);
  const code = tell(shrunk.outcome);
  console.log(`the same again: npm run sim -- --seed ${seed}${flags.join('')}`);
  return code;
}

function tell(outcome: Outcome): number {
  const { options, violation, hash, struck, commits, lasted, steps } = outcome;
  console.log([...describeOptions(options), '', ...outcome.story(values.all), ''].join('\n'));
  const faults = FAULTS.filter((fault) => struck[fault] > 0).map((fault) => `${fault} ${struck[fault]}`);
  console.log(`faults that struck: ${faults.join(', ') || 'none'}`);
  console.log(`${steps} steps, ${commits} versions, ${hours(lasted)} of virtual time, trace ${hash}`);
  console.log(violation === undefined ? 'every promise was kept' : `BROKEN: ${violation.message}`);
  return violation === undefined ? 0 : 1;
}

async function manySeeds(text: string): Promise<number> {
  const [from = 1, to = from] = text.split('..').map(Number);
  let done = 0;
  const started = performance.now();
  const sum = await runSeeds({
    from,
    to,
    onSeed: ({ seed, violation }) => {
      done += 1;
      if (violation !== null) console.log(`seed ${seed}: ${violation.slice(0, 300)}`);
      if (done % 1000 === 0) console.error(`${done} seeds`);
    },
  });
  report(sum, (performance.now() - started) / sum.seeds);
  return sum.broken.length === 0 ? 0 : 1;
}

function report({ seeds, broken, faulty, commits, lasted, struck }: Sum, msEach: number): void {
  console.log(`${seeds} seeds, ${broken.length} broke a promise, ${((100 * faulty) / seeds).toFixed(1)} % met a fault`);
  console.log(`${commits} versions, ${hours(lasted)} of virtual time, ${msEach.toFixed(0)} ms a seed`);
  console.log(
    `faults: ${Object.entries(struck)
      .map(([fault, times]) => `${fault} ${times}`)
      .join(', ')}`,
  );
}

function hours(ms: number): string {
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
