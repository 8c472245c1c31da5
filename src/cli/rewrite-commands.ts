import { type Command, Option } from 'commander';
import type { Layout } from '../coordinator/repartition.ts';
import { action } from './action.ts';
import type { GlobalOptions } from './app.ts';
import { powerOfTwo, TARGET } from './arguments.ts';
import type { CompactOptions } from './compact.ts';

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
    .option('--dry-run', 'say what it would do, as `plan --for compact`; changes nothing')
    .action(
      action(async (target: string | undefined, options: CompactOptions) =>
        (await import('./compact.ts')).compactCommand(target, options, globals()),
      ),
    );
}
