import { parseArgs } from 'node:util';
import { MAX_ROWS } from './data/document.ts';

/** What a run of the bench is asked for. */
export interface Options {
  /** Names of scenarios, in the order in which they are run. */
  readonly scenarios: readonly string[];
  /** Of the table that is merged into. */
  readonly rows: number;
  /** Of the collection that is loaded. */
  readonly documents: number;
  readonly rounds: number;
  /** Of the data; unsigned 32-bit. */
  readonly seed: number;
  /** Folder of the results. */
  readonly out: string;
}

export const USAGE = `npm run bench -- [options]
  --quick              a tenth of the data, three rounds: a few minutes
  --only NAME,NAME     only these scenarios
  --rows N             rows of the table that is merged into: 4000000, quick 400000
  --documents N        documents of the first load: 2000000, quick 200000
  --rounds N           how often each contender runs: 5, quick 3
  --seed N             another seed, other data: 1
  --out FOLDER         where results.json and results.svg go: bench/results
  --help               this text, and the names of the scenarios`;

/** What is wrong with the command line, and what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the command line. `known` are the names of all scenarios; undefined where only help is asked for. Throws `UsageError`. */
export function parseOptions(args: readonly string[], known: readonly string[]): Options | undefined {
  const values = parsed(args);
  if (values.help) return undefined;
  const [rows, documents, rounds] = values.quick ? [400_000, 200_000, 3] : [4_000_000, 2_000_000, 5];
  const number = (name: 'rows' | 'documents' | 'rounds' | 'seed', standard: number, range: readonly [number, number]) =>
    integer(name, values[name], standard, range);
  return {
    scenarios: values.only === undefined ? known : chosen(values.only, known),
    rows: number('rows', rows, [1000, MAX_ROWS]),
    documents: number('documents', documents, [1000, MAX_ROWS]),
    rounds: number('rounds', rounds, [1, 100]),
    seed: number('seed', 1, [0, 2 ** 32 - 1]),
    out: values.out,
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { quick: flag, help: flag, only: text, rows: text, documents: text, rounds: text, seed: text };
  try {
    return parseArgs({ args: [...args], options: { ...options, out: { ...text, default: 'bench/results' } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** In the order of all, so that what one scenario has made is there for the next. */
function chosen(only: string, known: readonly string[]): readonly string[] {
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`--only: there is no scenario ${unknown}; there are ${known.join(', ')}`);
  return known.filter((name) => names.includes(name));
}

function integer(
  name: string,
  given: string | undefined,
  standard: number,
  [least, most]: readonly [number, number],
): number {
  if (given === undefined) return standard;
  const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name}: ${given} is no whole number from ${least} to ${most}`);
}
