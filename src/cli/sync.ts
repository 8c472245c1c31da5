import { resultJson } from '../app/json.ts';
import { type Asked, parseTime, runAsked } from '../app/requests.ts';
import { EXIT } from '../shared/domain/errors.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { outcomeTeller } from './notify.ts';
import { describeRun, exitCodeOf } from './output.ts';
import { runTables } from './runs.ts';

export interface SyncOptions {
  readonly from?: string;
  readonly to?: string;
  readonly overwrite?: boolean;
  readonly replace?: boolean;
  readonly detailedExitcode?: boolean;
}

/** `sync` and `backfill`: one run of each table that the target names; returns the exit code. */
export async function syncCommand(
  mode: 'sync' | 'backfill',
  name: string | undefined,
  options: SyncOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const bounds = { from: parseTime('--from', options.from), to: parseTime('--to', options.to) };
  const { overwrite = false, replace = false } = options;
  const asked: Asked = { mode, ...bounds, overwrite, replace };
  return runAll(app, name, asked, options, globals);
}

/** `quarantine retry`: a run of each table over its quarantined documents; returns the exit code. */
export async function retryCommand(
  name: string | undefined,
  options: Pick<SyncOptions, 'detailedExitcode'>,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const asked: Asked = { mode: 'retry', from: null, to: null, overwrite: false, replace: false };
  return runAll(app, name, asked, options, globals);
}

async function runAll(
  app: App,
  name: string | undefined,
  asked: Asked,
  options: Pick<SyncOptions, 'detailedExitcode'>,
  globals: GlobalOptions,
): Promise<number> {
  const teller = outcomeTeller(app);
  const { results, failures } = await runTables(app, name, globals, {
    run: (target, context) => runAsked(app, target, asked, context),
    json: resultJson,
    line: describeRun,
    onOutcome: teller.tell,
  }).finally(teller.drain);
  if (failures.length > 0) return exitCodeOf(failures);
  const quarantined = results.some(({ counts }) => counts.quarantined > 0);
  return quarantined && options.detailedExitcode ? EXIT.quarantined : EXIT.ok;
}
