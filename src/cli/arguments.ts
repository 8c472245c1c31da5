import { InvalidArgumentError } from 'commander';
import { isPartitionCount, MOST_PARTITIONS } from '../shared/domain/partitions.ts';

/** `schema --config` asks for the schema of the configuration itself; anywhere else that option is the global one and takes a file. */
export function words(argv: readonly string[]): readonly string[] {
  return argv.includes('schema') && argv.at(-1) === '--config' ? [...argv.slice(0, -1), '--of-config'] : argv;
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

/** A number of partitions. Throws what commander tells. */
export function powerOfTwo(text: string): number {
  if (!isPartitionCount(Number(text)))
    throw new InvalidArgumentError(`expected a power of two from 1 to ${MOST_PARTITIONS}, such as 64`);
  return Number(text);
}
