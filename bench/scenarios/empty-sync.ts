import { join } from 'node:path';
import type { Scenario } from '../contender.ts';
import { emptyDump } from '../data/dumps.ts';
import { parquetIn, restore } from '../folders.ts';
import { type Lab, ourTable, PARTS } from '../lab.ts';
import { configure, countsOf, mongolake } from '../mongolake.ts';

/** A sync that finds nothing: what it costs to ask every few minutes. */
export function emptySyncScenario(lab: Lab): Scenario {
  return {
    name: 'empty-sync',
    title: 'A sync with nothing new',
    about: 'Nothing has changed since the last sync. No file of the table is written, and no version made.',
    contenders: [
      {
        name: 'mongolake',
        async prepare() {
          const settings = { partitions: PARTS };
          const made = await ourTable(lab, lab.base, settings);
          const folder = join(lab.work, 'empty-sync');
          const table = join(folder, 'lake');
          configure(folder, { source: await emptyDump(lab.base), table, settings });
          return {
            reset: () => restore(made, table),
            job: mongolake(folder, 'sync'),
            idle: mongolake(folder, '--version'),
            async inspect(stdout) {
              const before = parquetIn(made).filesWritten;
              const { version } = countsOf(stdout);
              const filesWritten = parquetIn(table).filesWritten - before;
              if (version !== null || filesWritten !== 0)
                throw new Error(`version ${version} was made, and ${filesWritten} files`);
              return { filesWritten, bytesWritten: 0, filesKept: before };
            },
          };
        },
      },
    ],
  };
}
