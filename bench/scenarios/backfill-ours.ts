import { join } from 'node:path';
import type { Agreement } from '../agreement.ts';
import type { Contender } from '../contender.ts';
import type { Base } from '../data/document.ts';
import { baseDump, emptyDump } from '../data/dumps.ts';
import { parquetIn, remove, warm } from '../folders.ts';
import type { Lab } from '../lab.ts';
import { configure, countsOf, mongolake, type Settings, workers } from '../mongolake.ts';
import type { WorkerSetup } from './merge-ours.ts';

export interface OurBackfill {
  readonly name: string;
  readonly base: Base;
  readonly settings: Settings;
  readonly agree: Agreement;
  /** Where the jobs go to workers of their own; else `backfill` does all of the work. */
  readonly workers?: WorkerSetup;
}

/** `mongolake backfill` into a new table. With nothing to do it reads a dump of no document, and makes none. */
export function backfillOfOurs(lab: Lab, { name, base, settings, agree, workers: setup }: OurBackfill): Contender {
  return {
    name,
    async prepare() {
      const dump = await baseDump(base);
      const folder = join(lab.work, `backfill-${base.rows}`, name.replaceAll(/\W+/g, '-'));
      const idle = join(folder, 'idle');
      const table = join(folder, 'lake');
      configure(folder, { source: dump, table, settings, redis: setup?.redis });
      configure(idle, { source: await emptyDump(base), table: join(idle, 'lake'), settings });
      return {
        reset() {
          remove(table);
          warm(dump);
        },
        job: mongolake(folder, 'backfill'),
        beside: workers(folder, setup?.count ?? 0),
        idle: mongolake(idle, 'backfill'),
        async inspect(stdout) {
          const { inserted } = countsOf(stdout);
          if (inserted !== base.rows) throw new Error(`mongolake inserted ${inserted} rows, not ${base.rows}`);
          await agree('delta', table);
          return parquetIn(table);
        },
      };
    },
  };
}
