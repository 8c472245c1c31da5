import { InvalidArgumentError } from 'commander';
import { isPartitionCount, MOST_PARTITIONS } from '../shared/domain/partitions.ts';

/** What names the tables of a command. */
export const TARGET = 'PIPELINE[.COLLECTION]; may be left out where there is one pipeline';

/** The commands that `plan` tells of. */
export const PLAN_KINDS = ['sync', 'backfill', 'verify', 'compact', 'repartition', 'erase'] as const;

export type PlanKind = (typeof PLAN_KINDS)[number];

/** The commands that take `--version <n>`, a table's; of any other it is mongolake's own that is asked for. */
const OF_A_VERSION = ['files', 'schema', 'restore'];

/**
 * Words that mean different things in different places, each as the option that it is there. `schema --config` asks for the schema of the
 * configuration itself; anywhere else that option is the global one and takes a file.
 */
export function words(argv: readonly string[]): readonly string[] {
  const seen = argv.findIndex((word) => OF_A_VERSION.includes(word));
  return argv.map((word, index) => {
    if (word === '--version' && (seen === -1 || index < seen)) return '-V';
    return word === '--config' && index === argv.length - 1 && argv.includes('schema') ? '--of-config' : word;
  });
}

/** A whole number as it was typed. Throws what commander tells. */
export function positive(text: string): string {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return text;
}

/** Percent, above 0. Throws what commander tells. */
export function percent(text: string): number {
  const value = Number(text.replace(/%$/, ''));
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError('expected percent from 1 to 100, such as 10');
  return value;
}

/** The values of an option that may be given several times, in order. */
export function severally(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The number of a version. Throws what commander tells. */
export function versionNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected the number of a version, from 0');
  return Number(text);
}

/** A number of partitions. Throws what commander tells. */
export function powerOfTwo(text: string): number {
  if (!isPartitionCount(Number(text)))
    throw new InvalidArgumentError(`expected a power of two from 1 to ${MOST_PARTITIONS}, such as 64`);
  return Number(text);
}
