import { type Command, Option } from 'commander';
import type { Layout } from '../coordinator/repartition.ts';
import { action } from './action.ts';
import type { GlobalOptions } from './app.ts';
import { powerOfTwo, TARGET } from './arguments.ts';

/** Adds the commands that write files of a table anew, without the source. */
export function addRewriteCommands(program: Command, globals: () => GlobalOptions): void {
  program
    .command('repartition')
    .description(
      'write all files of a table anew, in one version: with another number of partitions, or with string ids, so that it takes ids that are no integers',
    )
    .argument('[target]', TARGET)
    .option('--partitions <n>', 'how many hash partitions it is to have: a power of two', powerOfTwo)
    .addOption(new Option('--id-type <type>', 'what the ids become').choices(['string']))
    .action(
      action(async (target: string | undefined, options: Layout) =>
        (await import('./repartition.ts')).repartitionCommand(target, options, globals()),
      ),
    );

  program
    .command('compact')
    .description('write small files of a table that are neighbours as fewer of the configured size, in one version')
    .argument('[target]', TARGET)
    .action(
      action(async (target: string | undefined) => (await import('./compact.ts')).compactCommand(target, globals())),
    );
}
