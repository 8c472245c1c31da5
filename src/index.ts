import { outcomesJson, resultJson } from './app/json.ts';
import { planJson, previewTables, previewWork, type WorkAsked, workJson } from './app/plan.ts';
import { type Asked, checkLayout, parseTime, runAsked } from './app/requests.ts';
import type { FailedResult, PlanResult, StatusResult, SyncResult, VerifyResult, WorkResult } from './app/results.ts';
import { runEachTable } from './app/runs.ts';
import { readStatuses, statusJson } from './app/status.ts';
import { verifyAsked, verifyJson } from './app/verify.ts';
import { call, viewFor } from './library/call.ts';
import type {
  BackfillOptions,
  Bounds,
  PlanOptions,
  StatusOptions,
  SyncOptions,
  VerifyOptions,
  WorkOptions,
} from './library/options.ts';
import { asMongolakeError } from './shared/domain/errors.ts';

/**
 * mongolake from your own code: what the commands of the same names do, with results instead of output. What concerns the whole call (the
 * configuration, the options, a source whose collections can't be listed) rejects with a `MongolakeError`; what befalls one table is its
 * result, with `status: 'failed'`, beside those of the other tables.
 */

export type { FailedResult, PlanResult, StatusResult, SyncResult, VerifyResult, WorkResult } from './app/results.ts';
export type { MongolakeConfig } from './library/config.ts';
export type {
  BackfillOptions,
  Bounds,
  CallOptions,
  MongolakeLogger,
  PlanOptions,
  StatusOptions,
  SyncOptions,
  TableProgress,
  VerifyOptions,
  WorkOptions,
} from './library/options.ts';
export type { MongolakeSettings } from './library/settings.ts';
export { type ErrorCode, MongolakeError } from './shared/domain/errors.ts';

/** One run of each table that the target names: what changed since the last one. One result per table, in the source's order. */
export async function sync(options: SyncOptions): Promise<readonly (SyncResult | FailedResult)[]> {
  return run(options, { mode: 'sync', replace: false });
}

/** The same, of everything, or of a span of the cursor. */
export async function backfill(options: BackfillOptions): Promise<readonly (SyncResult | FailedResult)[]> {
  return run(options, { mode: 'backfill', replace: options.replace ?? false });
}

async function run(
  options: SyncOptions,
  what: Pick<Asked, 'mode' | 'replace'>,
): Promise<readonly (SyncResult | FailedResult)[]> {
  return call(options, async (app) => {
    const asked: Asked = { ...what, ...boundsOf(options), overwrite: options.overwrite ?? false };
    const outcomes = await runEachTable(app, options.target, {
      run: (target, context) => runAsked(app, target, asked, context),
      view: viewFor(options.onProgress),
    });
    return outcomesJson(outcomes, resultJson);
  });
}

/** What a run would do to each table; changes nothing. */
export async function plan(options: PlanOptions): Promise<readonly (PlanResult | FailedResult)[]>;
/** What another command would do to each table; changes nothing. */
export async function plan(options: WorkOptions): Promise<readonly (WorkResult | FailedResult)[]>;
export async function plan(
  options: PlanOptions | WorkOptions,
): Promise<readonly (PlanResult | WorkResult | FailedResult)[]> {
  if ('for' in options) {
    return call(options, async (app) =>
      outcomesJson(await previewWork(app, options.target, workOf(options)), workJson),
    );
  }
  return call(options, async (app) => {
    const { replace = false } = options;
    const mode = options.backfill || replace ? 'backfill' : 'sync';
    return outcomesJson(await previewTables(app, options.target, { mode, ...boundsOf(options), replace }), planJson);
  });
}

/** Compares each table with its source, and repairs it where that is asked for. */
export async function verify(options: VerifyOptions): Promise<readonly (VerifyResult | FailedResult)[]> {
  return call(options, async (app) => {
    const { deep = false, repair = false, sample = 1 } = options;
    const asked = { isDeep: deep, repairs: repair, sample, deletesAtMost: 1 };
    const outcomes = await runEachTable(app, options.target, {
      run: (target, context) => verifyAsked(app, target, asked, context),
      view: viewFor(options.onProgress),
    });
    return outcomesJson(outcomes, verifyJson);
  });
}

/** How each table stands; changes nothing. */
export async function status(options: StatusOptions): Promise<readonly (StatusResult | FailedResult)[]> {
  return call(options, async (app) => {
    const statuses = await readStatuses(app, options.target);
    const { error } = statuses.queue;
    if (error !== undefined) {
      const { code, message } = asMongolakeError(error);
      app.logger.warn('the queue could not be asked', { code, error: message });
    }
    return outcomesJson(statuses.outcomes, (table, value) => statusJson(table, value, statuses));
  });
}

function workOf(options: WorkOptions): WorkAsked {
  switch (options.for) {
    case 'verify':
      return { kind: 'verify', isDeep: options.deep ?? false, sample: options.sample ?? 1 };
    case 'compact':
      return { kind: 'compact' };
    case 'repartition':
      return { kind: 'repartition', layout: checkLayout(options) };
    case 'erase':
      return {
        kind: 'erase',
        ids: options.ids.map((text) => ({ text, where: 'ids' })),
        purges: options.purge ?? false,
      };
  }
}

function boundsOf({ from, to }: Bounds): Pick<Asked, 'from' | 'to'> {
  return { from: parseTime('from', from), to: parseTime('to', to) };
}
