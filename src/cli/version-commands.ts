import { type Command, Option } from 'commander';
import { DDL_ENGINES } from '../shared/domain/ddl.ts';
import { action } from './action.ts';
import type { GlobalOptions } from './app.ts';
import { positive, TARGET, versionNumber } from './arguments.ts';
import type { DdlOptions } from './ddl.ts';
import type { HistoryOptions } from './history.ts';
import type { SchemaOptions } from './schema.ts';
import type { VersionOptions } from './version-choice.ts';

const OF_VERSION = 'of this version';
const OF_TIME = 'of the newest version that was committed no later; a time with its zone, or a date';

/** Adds the commands that are about versions of a table, and where they can be read. */
export function addVersionCommands(program: Command, globals: () => GlobalOptions): void {
  program
    .command('history')
    .description('the versions of each table, newest first')
    .argument('[target]', TARGET)
    .option('--limit <n>', 'versions at most', positive, '20')
    .action(
      action(async (target: string | undefined, options: HistoryOptions) =>
        (await import('./history.ts')).historyCommand(target, options, globals()),
      ),
    );

  program
    .command('files')
    .description('the data files of each table, of its newest version or an older one')
    .argument('[target]', TARGET)
    .option('--version <n>', OF_VERSION, versionNumber)
    .option('--timestamp <time>', OF_TIME)
    .action(
      action(async (target: string | undefined, options: VersionOptions) =>
        (await import('./files.ts')).filesCommand(target, options, globals()),
      ),
    );

  program
    .command('schema')
    .description('the columns of each table; with --config, the JSON Schema of the configuration file')
    .argument('[target]', TARGET)
    .option('--version <n>', OF_VERSION, versionNumber)
    .option('--timestamp <time>', OF_TIME)
    .option('--diff', 'what the next sync would change in them; changes nothing')
    .option('--detailed-exitcode', 'with --diff: exit 2 where something would change')
    .option('--of-config', 'print the JSON Schema of the configuration file; also --config, as the last word')
    .action(
      action(async (target: string | undefined, options: SchemaOptions) =>
        (await import('./schema.ts')).schemaCommand(target, options, globals()),
      ),
    );

  program
    .command('restore')
    .description('make a table what one of its versions was, by a new version; the next sync reads on from there')
    .argument('[target]', TARGET)
    .option('--version <n>', 'this version, of one table', versionNumber)
    .option('--timestamp <time>', OF_TIME)
    .action(
      action(async (target: string | undefined, options: VersionOptions) =>
        (await import('./restore.ts')).restoreCommand(target, options, globals()),
      ),
    );

  program
    .command('ddl')
    .description('the SQL that registers each table with an engine, or reads it there')
    .argument('[target]', TARGET)
    .addOption(new Option('--engine <engine>', 'whose SQL').choices(DDL_ENGINES).makeOptionMandatory())
    .option('--schema <name>', 'schema that the table goes to (default: the name of its database)')
    .option('--catalog <name>', "Trino's catalog", 'delta')
    .action(
      action(async (target: string | undefined, options: DdlOptions) =>
        (await import('./ddl.ts')).ddlCommand(target, options, globals()),
      ),
    );
}
