#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { GlobalOptions } from './cli/app.ts';
import { coordinatorCommand } from './cli/coordinator.ts';
import { failureJson, printFailure, printJson } from './cli/output.ts';
import { type SyncOptions, syncCommand } from './cli/sync.ts';
import { VERSION } from './cli/version.ts';
import { type WorkerOptions, workerCommand } from './cli/worker.ts';
import { DEFAULT_CONFIG_FILE } from './shared/config.ts';
import { asMongolakeError, EXIT } from './shared/domain/errors.ts';

const program = new Command('mongolake')
  .description('Keeps tables of Parquet files (Delta Lake) in step with MongoDB collections.')
  .version(VERSION)
  .option('-c, --config <file>', 'configuration file', DEFAULT_CONFIG_FILE)
  .addOption(
    new Option('--log-level <level>', 'least severe level logged').choices([
      'debug',
      'info',
      'warn',
      'error',
      'silent',
    ]),
  )
  .addOption(new Option('--log-format <format>', 'how logs on stderr look').choices(['auto', 'pretty', 'json']))
  .option('--json', 'print one result object per table, a line each')
  .exitOverride()
  .showSuggestionAfterError();

/** Runs a command and sets the exit code. */
function action<A extends unknown[]>(run: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = await run(...args);
  };
}

const globals = () => program.opts<GlobalOptions>();

for (const mode of ['sync', 'backfill'] as const) {
  program
    .command(mode)
    .description(
      mode === 'sync'
        ? 'read what changed and commit it to the table'
        : 'read the whole collection and merge it into the table',
    )
    .argument('[target]', 'PIPELINE[.COLLECTION]; may be left out where there is one pipeline')
    .option('--from <time>', 'only documents whose cursor is later (exclusive)')
    .option('--to <time>', 'only documents whose cursor is earlier (exclusive)')
    .option('--overwrite', "let a dump's documents replace newer rows")
    .option('--detailed-exitcode', 'exit 3 where documents were quarantined')
    .action(
      action((target: string | undefined, options: SyncOptions) => syncCommand(mode, target, options, globals())),
    );
}

program
  .command('worker')
  .description('take jobs from the queue until stopped')
  .option('--concurrency <n>', 'jobs at once', positive)
  .action(action((options: WorkerOptions) => workerCommand(options, globals())));

program
  .command('coordinator')
  .description('keep every table in step on its schedule until stopped')
  .argument('[target]', 'PIPELINE[.COLLECTION]; all pipelines where left out')
  .action(action((target: string | undefined) => coordinatorCommand(target, globals())));

function positive(text: string): string {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return text;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    const known = asMongolakeError(error);
    if (program.opts<GlobalOptions>().json) printJson(failureJson(null, known));
    printFailure(known);
    process.exitCode = known.exitCode;
  }
}
