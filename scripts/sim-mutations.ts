import { firstToCatch } from '../test/sim/mutate.ts';
import { MUTATIONS } from '../test/sim/mutations.ts';

// `npm run sim:mutations [-- WORD]`: plants each bug (those whose name has the word) in a copy of the sources and simulates until a
// promise is broken.
const SEEDS = 10_000;

const [word = ''] = process.argv.slice(2);
let missed = 0;
for (const mutation of MUTATIONS.filter(({ name }) => name.includes(word))) {
  const started = performance.now();
  const caught = await firstToCatch(mutation, 1, SEEDS);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  if (caught === undefined) missed += 1;
  const how =
    caught === undefined ? `NOT CAUGHT by ${SEEDS} seeds` : `seed ${caught.seed}: ${caught.violation?.slice(0, 160)}`;
  console.log(`${mutation.name} (${seconds} s)\n    ${how}`);
}
console.log(missed === 0 ? 'every planted bug is caught' : `${missed} planted bugs are not caught`);
process.exitCode = missed === 0 ? 0 : 1;
