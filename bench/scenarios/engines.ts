import { agreement } from '../agreement.ts';
import type { Scenario } from '../contender.ts';
import { deltaFacts } from '../data/delta.ts';
import type { Lab } from '../lab.ts';
import { backfillOfOurs } from './backfill-ours.ts';
import { mergeOfOurs } from './merge-ours.ts';

/** Both with the codec that parquetjs writes. */
const ENGINES = [
  { name: 'duckdb', settings: { engine: 'duckdb', compression: 'snappy' } },
  { name: 'parquetjs', settings: { engine: 'parquetjs' } },
] as const;

/** A first load by both engines. */
export function enginesLoadScenario(lab: Lab): Scenario {
  const base = lab.small;
  const agree = agreement(lab, base.rows);
  return {
    name: 'engines-load',
    title: 'Both engines, first load',
    about: `A dump of ${base.rows.toLocaleString('en-US')} documents becomes a table, with snappy.`,
    documents: base.rows,
    contenders: ENGINES.map((engine) => backfillOfOurs(lab, { ...engine, base, agree })),
  };
}

/** The evenly spread merge by both engines, each into a table of its own. */
export function enginesMergeScenario(lab: Lab): Scenario {
  const base = lab.small;
  const agree = agreement(lab, base.rows + deltaFacts('uniform', base).inserted);
  return {
    name: 'engines-merge',
    title: 'Both engines, merge of 2% spread evenly',
    about: `Into a table of ${base.rows.toLocaleString('en-US')} rows, with snappy.`,
    contenders: ENGINES.map(({ name, settings }) =>
      mergeOfOurs(lab, { name, kind: 'uniform', base, settings: async () => settings, agree }),
    ),
  };
}
