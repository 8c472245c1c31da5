import type { Command } from 'commander';
import { action } from './action.ts';
import type { GlobalOptions } from './app.ts';
import { severally, TARGET } from './arguments.ts';
import type { EraseOptions } from './erase.ts';

/** Adds the command that removes ids. */
export function addEraseCommand(program: Command, globals: () => GlobalOptions): void {
  program
    .command('erase')
    .description('remove ids from each table, and keep them from coming back: for requests of data protection')
    .argument('[target]', TARGET)
    .option('--id <id>', 'an id as `head` shows it; as often as needed', severally)
    .option('--ids-file <file>', 'a file with an id on each line')
    .option('--purge', 'from the history too: older versions are given up, and it is proved that no object holds them')
    .option('--allow', 'take the ids off the list of erased ones instead: the next readings store them again')
    .option('--dry-run', 'say what would be rewritten and given up; changes nothing')
    .option('-y, --yes', 'do not ask')
    .action(
      action(async (target: string | undefined, options: EraseOptions) =>
        (await import('./erase.ts')).eraseCommand(target, options, globals()),
      ),
    );
}
