import { Command, InvalidArgumentError, Option } from 'commander';
import { type Day, DEFAULTS, type SampleOptions } from './collection.ts';
import { COLLECTION, DATABASE, type Progress, writeDump } from './dump.ts';
import { fillMongodb } from './mongodb.ts';

interface Flags extends Required<SampleOptions> {
  readonly out: string;
  readonly gzip?: true;
  /** True where the flag has no value. */
  readonly mongodb?: string | true;
}

function command(): Command {
  return new Command('sample')
    .description('Generates guest notifications: the same options give the same bytes.')
    .addOption(new Option('--docs <count>', 'documents of day one').default(100_000).argParser(integer))
    .addOption(
      new Option('--seed <number>', 'another seed, another collection').default(DEFAULTS.seed).argParser(integer),
    )
    .addOption(new Option('--day <1|2>', '2: the same collection a day later').default(DEFAULTS.day).argParser(day))
    .addOption(
      new Option('--as-of <time>', 'end of day one').default(new Date(DEFAULTS.asOf), DEFAULTS.asOf).argParser(time),
    )
    .addOption(
      new Option('--update-ratio <share>', 'changed on day two').default(DEFAULTS.updateRatio).argParser(share),
    )
    .addOption(new Option('--insert-ratio <share>', 'added on day two').default(DEFAULTS.insertRatio).argParser(share))
    .option('--no-decimals', 'prices as doubles, for a server without Decimal128 (FerretDB 1)')
    .option('--out <folder>', 'where the dump goes', './playground/dump')
    .option('--gzip', 'as mongodump --gzip')
    .addOption(
      new Option('--mongodb [uri]', 'fill a MongoDB instead; without a value, the one of $MONGODB_URI').conflicts([
        'out',
        'gzip',
      ]),
    )
    .action(async (flags: Flags) => {
      const summary = await run(flags).finally(clearProgress);
      process.stdout.write(`${summary}\n`);
    });
}

/** Returns the summary. */
async function run({ mongodb, ...flags }: Flags): Promise<string> {
  const onProgress = process.stderr.isTTY ? showProgress : () => {};
  const title = `${DATABASE}.${COLLECTION}, seed ${flags.seed}, day ${flags.day}`;
  if (mongodb !== undefined) {
    const uri = mongodb === true ? process.env.MONGODB_URI : mongodb;
    if (!uri) throw new Error('--mongodb has no value and MONGODB_URI is not set');
    const done = await fillMongodb({ ...flags, uri, onProgress });
    return [title, `  ${count(done.documents)} documents written to MongoDB`, ...dayTwo(flags.day, done)].join('\n');
  }
  const done = await writeDump({ ...flags, onProgress });
  return [
    title,
    `  ${count(done.documents)} documents, ${count(done.bytes)} bytes of BSON`,
    ...dayTwo(flags.day, done),
    `  started at ${done.startedAt.toISOString()}`,
    `  ${done.path}`,
  ].join('\n');
}

function dayTwo(day: Day, done: { updated: number; inserted: number }): string[] {
  return day === 2 ? [`  ${count(done.updated)} updated, ${count(done.inserted)} inserted since day 1`] : [];
}

const showProgress: Progress = (documents) => {
  process.stderr.write(`\r${count(documents)} documents`);
};

/** Takes the progress off the terminal's line. */
function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It is not between 0 and 1.');
  return value;
}

function day(text: string): Day {
  if (text === '1') return 1;
  if (text === '2') return 2;
  throw new InvalidArgumentError('There are days 1 and 2.');
}

function time(text: string): Date {
  const value = new Date(text);
  if (Number.isNaN(value.getTime())) throw new InvalidArgumentError('It is not a time such as 2026-06-01T00:00:00Z.');
  return value;
}

try {
  await command().parseAsync();
} catch (error) {
  process.stderr.write(`sample: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
