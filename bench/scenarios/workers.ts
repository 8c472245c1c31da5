import { agreement } from '../agreement.ts';
import type { Absent, Contender, Scenario } from '../contender.ts';
import { deltaFacts } from '../data/delta.ts';
import { type Lab, PARTS } from '../lab.ts';
import { backfillOfOurs } from './backfill-ours.ts';
import { mergeOfOurs, type WorkerSetup } from './merge-ours.ts';

/** The evenly spread merge, by one worker and by two. */
export function workersMergeScenario(lab: Lab): Scenario {
  const { base } = lab;
  const agree = agreement(lab, base.rows + deltaFacts('uniform', base).inserted);
  const settings = async () => ({ partitions: PARTS });
  return {
    name: 'workers-merge',
    title: 'Two workers against one, merge',
    about:
      'The merge of 2% spread evenly, its jobs through Redis to workers that take one at a time. The time is that of `sync`; memory and processor count all of its processes, but not Redis.',
    contenders: oneAndTwo(lab, (name, workers) =>
      mergeOfOurs(lab, { name, kind: 'uniform', base, settings, agree, workers }),
    ),
  };
}

/** The first load, by one worker and by two. */
export function workersBackfillScenario(lab: Lab): Scenario {
  const base = lab.load;
  const agree = agreement(lab, base.rows);
  return {
    name: 'workers-backfill',
    title: 'Two workers against one, first load',
    about: 'The first load in the same way. One worker reads the dump, as it is one file; both merge.',
    documents: base.rows,
    contenders: oneAndTwo(lab, (name, workers) => backfillOfOurs(lab, { name, base, settings: {}, agree, workers })),
  };
}

function oneAndTwo(
  { redis }: Lab,
  contender: (name: string, workers: WorkerSetup) => Contender,
): readonly (Contender | Absent)[] {
  return [1, 2].map((count) => {
    const name = count === 1 ? '1 worker' : `${count} workers`;
    return redis.available ? contender(name, { count, redis: redis.url }) : { name, reason: redis.reason };
  });
}
