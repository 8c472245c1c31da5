#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { failureJson } from './app/json.ts';
import { VERSION } from './app/version.ts';
import { action } from './cli/action.ts';
import type { GlobalOptions } from './cli/app.ts';
import { PLAN_KINDS, percent, positive, powerOfTwo, severally, TARGET, words } from './cli/arguments.ts';
import type { CoordinatorOptions } from './cli/coordinator.ts';
import type { DashboardOptions } from './cli/dashboard.ts';
import { DEFAULT_CONFIG_FILE, DEFAULT_TABLE } from './cli/defaults.ts';
import { leave } from './cli/ending.ts';
import { addEraseCommand } from './cli/erase-command.ts';
import type { HeadOptions } from './cli/head.ts';
import type { InitOptions } from './cli/init.ts';
import { dieOfUncaught, printFailure, printJson } from './cli/output.ts';
import type { PlanOptions } from './cli/plan-options.ts';
import type { ShowOptions } from './cli/quarantine.ts';
import { addRewriteCommands } from './cli/rewrite-commands.ts';
import type { SyncOptions } from './cli/sync.ts';
import type { UnlockOptions } from './cli/unlock.ts';
import type { VacuumOptions } from './cli/vacuum.ts';
import type { VerifyOptions } from './cli/verify.ts';
import { addVersionCommands } from './cli/version-commands.ts';
import type { WorkerOptions } from './cli/worker.ts';
import { asMongolakeError, EXIT } from './shared/domain/errors.ts';

// Node 20 is supported here until its SDKs end it; the advice to move on is not for whoever reads our output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

dieOfUncaught();

const program = new Command('mongolake')
  .description('Keeps tables of Parquet files (Delta Lake) in step with MongoDB collections.')
  .version(VERSION, '-V', 'print the version of mongolake; also --version, before any command')
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

// Whoever reads our output may have had enough of it (`… | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const globals = () => program.opts<GlobalOptions>();

const LISTEN = 'where /metrics, /healthz and /readyz are served, instead of what the configuration says';

program
  .command('init')
  .description('look at a source and write a configuration for it')
  .option('--uri <uri>', 'connection string; $MONGODB_URI where left out. It is not written to the file')
  .option('--dump <path>', "mongodump's files instead of a server")
  .option('--database <name>', 'database to read; may be left out where there is one')
  .option('--table <uri>', 'where the tables go: s3://bucket/folder or a local folder', DEFAULT_TABLE)
  .option('-o, --output <file>', 'file to write (default: that of --config)')
  .option('--force', 'replace the file where it exists')
  .action(action(async (options: InitOptions) => (await import('./cli/init.ts')).initCommand(options, globals())));

program
  .command('check')
  .description('prove that everything the tables need is there, and say what to do where it is not')
  .argument('[target]', TARGET)
  .action(
    action(async (target: string | undefined) => (await import('./cli/check.ts')).checkCommand(target, globals())),
  );

program
  .command('plan')
  .description(
    'say what a sync, or another command, would read and write, and about how long it takes; changes nothing',
  )
  .argument('[target]', TARGET)
  .addOption(new Option('--for <command>', 'what is asked about (default: sync)').choices(PLAN_KINDS))
  .option('--backfill', 'as --for backfill')
  .option('--replace', 'of a backfill that replaces the table')
  .option('--from <time>', 'of sync and backfill: only documents whose cursor is later (exclusive)')
  .option('--to <time>', 'of sync and backfill: only documents whose cursor is earlier (exclusive)')
  .option('--deep', 'of verify: rows in every column')
  .option('--sample <percent>', "of verify: so much of the source's id ranges", percent)
  .option('--partitions <n>', 'of repartition: how many hash partitions', powerOfTwo)
  .addOption(new Option('--id-type <type>', 'of repartition: what the ids become').choices(['string']))
  .option('--id <id>', 'of erase: an id as `head` shows it; as often as needed', severally)
  .option('--ids-file <file>', 'of erase: a file with an id on each line')
  .option('--purge', 'of erase: from the history too')
  .option('--detailed-exitcode', 'exit 2 where there is work to do')
  .action(
    action(async (target: string | undefined, options: PlanOptions) =>
      (await import('./cli/plan.ts')).planCommand(target, options, globals()),
    ),
  );

for (const mode of ['sync', 'backfill'] as const) {
  const command = program
    .command(mode)
    .description(
      mode === 'sync'
        ? 'read what changed and commit it to the table'
        : 'read the whole collection and merge it into the table',
    )
    .argument('[target]', TARGET)
    .option('--from <time>', 'only documents whose cursor is later (exclusive)')
    .option('--to <time>', 'only documents whose cursor is earlier (exclusive)')
    .option('--overwrite', "let a dump's documents replace newer rows")
    .option('--detailed-exitcode', 'exit 3 where documents were quarantined')
    .action(
      action(async (target: string | undefined, options: SyncOptions) =>
        (await import('./cli/sync.ts')).syncCommand(mode, target, options, globals()),
      ),
    );
  if (mode === 'backfill') {
    command.option(
      '--replace',
      'leave nothing in the table but what is read, in one version; not with --from and --to',
    );
  }
}

const quarantine = program
  .command('quarantine')
  .description('documents that can not be stored: they are put aside, and the run goes on without them');

quarantine
  .command('list')
  .description('the quarantined documents of each table, with reason and place')
  .argument('[target]', TARGET)
  .action(
    action(async (target: string | undefined) =>
      (await import('./cli/quarantine.ts')).quarantineListCommand(target, globals()),
    ),
  );

quarantine
  .command('show')
  .description('one of them as canonical EJSON, or its bytes in hexadecimal where it can not be read')
  .argument('<digest>', 'its digest, or how that begins')
  .argument('[target]', TARGET)
  .option('--raw', 'write its bytes as they are')
  .action(
    action(async (digest: string, target: string | undefined, options: ShowOptions) =>
      (await import('./cli/quarantine.ts')).quarantineShowCommand(digest, target, options, globals()),
    ),
  );

quarantine
  .command('retry')
  .description(
    'store what can be stored now: after an update of mongolake, with a raised limit or another column policy. Rows that are newer stay',
  )
  .argument('[target]', TARGET)
  .option('--detailed-exitcode', 'exit 3 where documents stay quarantined')
  .action(
    action(async (target: string | undefined, options: SyncOptions) =>
      (await import('./cli/sync.ts')).retryCommand(target, options, globals()),
    ),
  );

addRewriteCommands(program, globals);

program
  .command('verify')
  .description('compare each table with its source, and say by id what is missing, stale, or gone from the source')
  .argument('[target]', TARGET)
  .option('--deep', 'compare rows in every column, not only by their cursors')
  .option(
    '--sample <percent>',
    "read only so much of the source's id ranges: finds what is missing or stale in them",
    percent,
  )
  .option('--repair', 'make right what differs, in one version; rows go whose documents are gone')
  .action(
    action(async (target: string | undefined, options: VerifyOptions) =>
      (await import('./cli/verify.ts')).verifyCommand(target, options, globals()),
    ),
  );

addEraseCommand(program, globals);

program
  .command('vacuum')
  .description(
    'delete what no version needs that is newer than the retention: removed files, and what failed runs left',
  )
  .argument('[target]', TARGET)
  .option('--dry-run', 'list what would be deleted, and why; deletes nothing')
  .action(
    action(async (target: string | undefined, options: VacuumOptions) =>
      (await import('./cli/vacuum.ts')).vacuumCommand(target, options, globals()),
    ),
  );

program
  .command('discard')
  .description('give up a run that did not end: what it staged is dropped, and the next run does not finish it')
  .argument('[target]', TARGET)
  .action(
    action(async (target: string | undefined) => (await import('./cli/discard.ts')).discardCommand(target, globals())),
  );

program
  .command('unlock')
  .description("take a table's lease away from whoever holds it; a crashed run's expires by itself")
  .argument('[target]', TARGET)
  .option('--force', 'do it, even though its holder may be alive')
  .action(
    action(async (target: string | undefined, options: UnlockOptions) =>
      (await import('./cli/unlock.ts')).unlockCommand(target, options, globals()),
    ),
  );

program
  .command('status')
  .description('version, size, freshness and running work of each table')
  .argument('[target]', TARGET)
  .action(
    action(async (target: string | undefined) => (await import('./cli/status.ts')).statusCommand(target, globals())),
  );

program
  .command('head')
  .description('a few rows of each table')
  .argument('[target]', TARGET)
  .option('-n, --rows <n>', 'rows at most', positive, '10')
  .action(
    action(async (target: string | undefined, options: HeadOptions) =>
      (await import('./cli/head.ts')).headCommand(target, options, globals()),
    ),
  );

addVersionCommands(program, globals);

program
  .command('worker')
  .description('take jobs from the queue until stopped')
  .option('--concurrency <n>', 'jobs at once', positive)
  .option('--listen <host:port>', LISTEN)
  .action(
    action(async (options: WorkerOptions) => (await import('./cli/worker.ts')).workerCommand(options, globals())),
  );

program
  .command('coordinator')
  .description('keep every table in step on its schedule until stopped')
  .argument('[target]', 'PIPELINE[.COLLECTION]; all pipelines where left out')
  .option('--listen <host:port>', LISTEN)
  .action(
    action(async (target: string | undefined, options: CoordinatorOptions) =>
      (await import('./cli/coordinator.ts')).coordinatorCommand(target, options, globals()),
    ),
  );

program
  .command('dashboard')
  .description('show tables, runs and the queue in a browser until stopped')
  .option('--listen <host:port>', 'where the dashboard is served, instead of dashboard.listen')
  .action(
    action(async (options: DashboardOptions) =>
      (await import('./cli/dashboard.ts')).dashboardCommand(options, globals()),
    ),
  );

try {
  await program.parseAsync(words(process.argv.slice(2)), { from: 'user' });
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
void leave();
