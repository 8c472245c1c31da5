import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { leaseStatus } from '../coordinator/status.ts';
import { type Unlocked, unlockTable } from '../coordinator/unlock.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf } from './output.ts';
import { printOutcomes } from './tables.ts';
import { duration, tableTitle } from './text.ts';

export interface UnlockOptions {
  readonly force?: boolean;
}

/** `unlock`: takes the lease of each table away from whoever holds it; returns the exit code. */
export async function unlockCommand(
  name: string | undefined,
  options: UnlockOptions,
  globals: GlobalOptions,
): Promise<number> {
  if (!options.force) {
    throw new MongolakeError('USAGE', 'unlock: the lease of a run that lives is not to be taken by accident', {
      hint: 'A crashed run’s lease expires by itself (leaseTtl); `mongolake status` shows who holds it. Give --force if its holder is gone, or to end its run.',
    });
  }
  const app = await openApp(globals);
  const outcomes = await readTables(app, await app.targets(name), (_, storage) => unlockTable(storage, app.clock));
  const now = app.clock.now();
  printOutcomes(outcomes, globals.json ?? false, {
    json: (table, unlocked) => unlockJson(table, unlocked, now),
    lines: (table, unlocked) => describeUnlock(table, unlocked, now),
  });
  return exitCodeOf(failuresOf(outcomes));
}

/** What was done, as `--json` prints it. */
export function unlockJson(table: string, { taken }: Unlocked, now: number): Record<string, unknown> {
  const lease = taken && leaseStatus(taken, now);
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: taken === undefined ? 'free' : 'unlocked',
    taken: lease === undefined ? null : { ...lease, renewedAt: isoOrNull(lease.renewedAt) },
  };
}

/** What was done, for people. */
export function describeUnlock(table: string, { taken }: Unlocked, now: number): readonly string[] {
  if (taken === undefined) return [`${tableTitle(table)}  ${pc.green('free')}  nobody holds its lease`];
  const { owner, run, state } = { ...taken, ...leaseStatus(taken, now) };
  const renewed = `renewed ${duration(Math.max(0, now - taken.renewedAt))} ago`;
  const warning =
    state === 'expired'
      ? 'It had expired. The next run finishes what was left, or gives it up.'
      : 'Its holder may be alive: its run stops and commits nothing once another run has begun, and what it did may be lost.';
  return [
    `${tableTitle(table)}  ${pc.green('unlocked')}  the lease was held by ${owner} (run ${run}, ${renewed})`,
    `  ${pc.yellow('warning')}  ${warning}`,
  ];
}
