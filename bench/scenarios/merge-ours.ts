import { join } from 'node:path';
import type { Agreement } from '../agreement.ts';
import type { Contender } from '../contender.ts';
import { type DeltaKind, deltaFacts } from '../data/delta.ts';
import type { Base } from '../data/document.ts';
import { deltaDump, emptyDump } from '../data/dumps.ts';
import { lastCommit } from '../delta-log.ts';
import { restore, warm } from '../folders.ts';
import { type Lab, ourTable } from '../lab.ts';
import { configure, countsOf, mongolake, type Settings, workers } from '../mongolake.ts';

export interface OurMerge {
  readonly name: string;
  readonly kind: DeltaKind;
  readonly base: Base;
  readonly settings: () => Promise<Settings>;
  readonly agree: Agreement;
  /** Where the jobs go to workers of their own; else `sync` does all of the work. */
  readonly workers?: WorkerSetup;
}

/** So many workers, and the URL of the Redis that they take jobs from. */
export interface WorkerSetup {
  readonly count: number;
  readonly redis: string;
}

/** `mongolake sync` from a dump of only what changed. With nothing to do it reads a dump of no document. */
export function mergeOfOurs(lab: Lab, { name, kind, base, settings, agree, workers: setup }: OurMerge): Contender {
  return {
    name,
    async prepare() {
      const own = await settings();
      const made = await ourTable(lab, base, own);
      const dump = await deltaDump(kind, base);
      const folder = join(lab.work, `merge-${kind}-${base.rows}`, name.replaceAll(/\W+/g, '-'));
      const idle = join(folder, 'idle');
      const table = join(folder, 'lake');
      configure(folder, { source: dump, table, settings: own, redis: setup?.redis });
      configure(idle, { source: await emptyDump(base), table: made, settings: own });
      return {
        reset() {
          restore(made, table);
          warm(dump);
        },
        job: mongolake(folder, 'sync'),
        beside: workers(folder, setup?.count ?? 0),
        idle: mongolake(idle, 'sync'),
        async inspect(stdout) {
          checkMerged(stdout, kind, base);
          await agree('delta', table);
          return lastCommit(table);
        },
      };
    },
  };
}

/** Throws where a sync did not merge the whole delta. */
function checkMerged(stdout: string, kind: DeltaKind, base: Base): void {
  const { updated, inserted } = countsOf(stdout);
  const expected = deltaFacts(kind, base);
  if (updated === expected.updated && inserted === expected.inserted) return;
  throw new Error(
    `mongolake updated ${updated} and inserted ${inserted} rows, not ${expected.updated} and ${expected.inserted}`,
  );
}
