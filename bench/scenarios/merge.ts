import { agreement } from '../agreement.ts';
import type { Scenario } from '../contender.ts';
import { type DeltaKind, deltaFacts } from '../data/delta.ts';
import { parquetIn } from '../folders.ts';
import { type Lab, ourTable, PARTS } from '../lab.ts';
import type { Settings } from '../mongolake.ts';
import { mergeOfOurs } from './merge-ours.ts';
import { mergeOfDeltaRs, mergeOfDuckdb, mergeOfSpark } from './merge-peers.ts';

const ABOUT: Readonly<Record<DeltaKind, Pick<Scenario, 'title' | 'about'>>> = {
  uniform: {
    title: 'Merge, 2% spread evenly',
    about: '2% of the rows change, spread over all ids: their status and updateTime. Nothing is inserted.',
  },
  recent: {
    title: 'Merge, 2% among the newest',
    about:
      '2% of the rows change, 95% of them among the newest 5% of the ids: their status and updateTime. Ages are exponentially distributed.',
  },
  worst: {
    title: 'Merge, worst case',
    about: 'The delta is 2% of the rows, spread over all ids: half of it changes every column, half of it is new.',
  },
};

/** A delta of one kind is merged into a table of `lab.base`. */
export function mergeScenario(lab: Lab, kind: DeltaKind): Scenario {
  const { base } = lab;
  const agree = agreement(lab, base.rows + deltaFacts(kind, base).inserted);
  const settings = async () => (kind === 'recent' ? manyFiles(lab) : { partitions: PARTS });
  const snappy = async () => ({ partitions: PARTS, compression: 'snappy' });
  const peers = { lab, kind, agree };
  return {
    name: `merge-${kind}`,
    ...ABOUT[kind],
    contenders: [
      mergeOfOurs(lab, { name: 'mongolake', kind, base, settings, agree }),
      mergeOfDeltaRs(peers, 'zstd'),
      ...(kind === 'uniform'
        ? [
            mergeOfOurs(lab, { name: 'mongolake, snappy', kind, base, settings: snappy, agree }),
            mergeOfDeltaRs(peers, 'snappy'),
          ]
        : []),
      mergeOfSpark(peers, 'cold'),
      mergeOfSpark(peers, 'warm'),
      mergeOfDuckdb(peers, 'merge'),
      mergeOfDuckdb(peers, 'copy'),
    ],
  };
}

/**
 * Settings under which each of a small table's partitions is about eight files with a range of ids each, as those of a large table are by
 * default. How many bytes a row takes is seen in a table that is there anyway.
 */
async function manyFiles(lab: Lab): Promise<Settings> {
  const partitions = 4;
  const rowGroupSize = Math.min(122_880, Math.ceil(lab.base.rows / partitions / 8));
  const { bytesWritten } = parquetIn(await ourTable(lab, lab.base, { partitions: PARTS }));
  // A file ends after the first row group that makes it as large as this. Less than 100 kB can't be configured.
  const fileBytes = Math.max(Math.floor((bytesWritten / lab.base.rows) * rowGroupSize * 0.8), 100_000);
  return { partitions, rowGroupSize, targetFileSize: `${fileBytes}B` };
}
