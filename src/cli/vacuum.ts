import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, holdContext, readTables } from '../app/tables.ts';
import { previewVacuum, type VacuumResult, vacuumTable } from '../coordinator/vacuum.ts';
import { type Doomed, type Sum, sumByGroup, VACUUM_GROUPS, type VacuumGroup } from '../coordinator/vacuum-plan.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf } from './output.ts';
import { printOutcomes, type Shown } from './tables.ts';
import { alignRows, counted, duration, printable, tableTitle } from './text.ts';

export interface VacuumOptions {
  readonly dryRun?: boolean;
}

/** What was deleted of one table or, of a dry run, what would be. */
export interface VacuumShown extends VacuumResult {
  readonly dryRun: boolean;
  /** Milliseconds. */
  readonly retention: number;
  /** Our clock, epoch milliseconds: ages are told from here. */
  readonly now: number;
}

/** `vacuum`: deletes what no retained version of each table needs, or lists it; returns the exit code. */
export async function vacuumCommand(
  name: string | undefined,
  options: VacuumOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const dryRun = options.dryRun === true;
  const outcomes = await readTables(app, await app.targets(name), async (target, storage): Promise<VacuumShown> => {
    const { retention, leaseTtl } = target.settings;
    const context = holdContext(app, target, storage);
    const result = await (dryRun
      ? previewVacuum({ retention }, context)
      : vacuumTable({ retention, leaseTtl }, context));
    return { ...result, dryRun, retention, now: app.clock.now() };
  });
  const shown: Shown<VacuumShown> = { json: vacuumJson, lines: describeVacuum };
  printOutcomes(outcomes, globals.json ?? false, shown);
  return exitCodeOf(failuresOf(outcomes));
}

/** One table's vacuum as `--json` prints it; `objects` of a dry run only. */
export function vacuumJson(table: string, shown: VacuumShown): Record<string, unknown> {
  const { objects, dryRun, version, young, unfinished } = shown;
  const sums = sumByGroup(objects);
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: dryRun ? 'dry-run' : objects.length === 0 ? 'unchanged' : 'vacuumed',
    version,
    dataFiles: sums.removed.objects + sums.orphans.objects,
    removed: sums.removed.objects,
    orphans: sums.orphans.objects,
    quarantine: sums.quarantine.objects,
    staging: sums.staging.objects,
    probes: sums.probes.objects,
    bytes: sizeOf(objects),
    young,
    unfinished,
    ...(dryRun
      ? {
          objects: objects.map(({ key, size, modifiedAt, group, reason }) => ({
            key,
            size,
            modifiedAt: isoOrNull(modifiedAt),
            group,
            reason,
          })),
        }
      : {}),
  };
}

function sizeOf(objects: readonly Doomed[]): number {
  return objects.reduce((sum, { size }) => sum + size, 0);
}

/** What was or would be deleted, for people: the sums, and of a dry run each object before them. */
export function describeVacuum(table: string, shown: VacuumShown): readonly string[] {
  const { objects, dryRun, now } = shown;
  const rows = dryRun
    ? objects.map(({ key, size, modifiedAt, reason }) => [
        bytesText(size),
        duration(now - modifiedAt),
        printable(key),
        pc.dim(printable(reason)),
      ])
    : [];
  return [`${tableTitle(table)}  ${describeSums(shown)}`, ...alignRows(rows, ['right', 'right'])];
}

const GROUP_TEXTS: Readonly<Record<VacuumGroup, (count: number) => string>> = {
  removed: (count) => `${counted(count, 'file')} removed from the table`,
  orphans: (count) => `${counted(count, 'file')} of no version`,
  quarantine: (count) => `${counted(count, 'object')} of the quarantine`,
  staging: (count) => `${counted(count, 'object')} staged by ended runs`,
  probes: (count) => counted(count, 'probe'),
};

function describeSums({ objects, dryRun, retention, young, unfinished }: VacuumShown): string {
  const sums = sumByGroup(objects);
  const groups = VACUUM_GROUPS.filter((group) => sums[group].objects > 0);
  const parts = groups.map((group) => `${GROUP_TEXTS[group](sums[group].objects)} (${bytesText(sums[group].bytes)})`);
  const head =
    objects.length === 0
      ? 'nothing to delete'
      : `${dryRun ? 'would delete' : 'deleted'} ${counted(objects.length, 'object')}, ${bytesText(sizeOf(objects))}`;
  const stays = [...stay(young, `younger than ${duration(retention)}`), ...stay(unfinished, 'of unfinished runs')].join(
    ', ',
  );
  const details = stays === '' ? [] : [pc.dim(`(kept: ${stays})`)];
  return [dryRun ? pc.yellow(head) : pc.green(head), ...(parts.length > 0 ? [parts.join(', ')] : []), ...details].join(
    '  ',
  );
}

function stay({ objects, bytes }: Sum, which: string): readonly string[] {
  return objects === 0 ? [] : [`${counted(objects, 'object')} ${which} (${bytesText(bytes)})`];
}
