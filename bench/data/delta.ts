import { below, random } from '../../examples/sample/random.ts';
import { type Base, type BenchDocument, insertedAfter, withAllChanged, withStatusChanged } from './document.ts';

/** Which documents a delta changes, and how much of them. */
export type DeltaKind = 'uniform' | 'recent' | 'worst';

/** What a delta comes to. */
export interface DeltaFacts {
  readonly documents: number;
  readonly updated: number;
  readonly inserted: number;
}

const SHARE = 0.02;
/** Ages are exponentially distributed, in shares of the collection: e^-3, so 5%, of them are beyond a twentieth. */
const MEAN_AGE = 0.05 / 3;
const STREAM = { uniform: 111, recent: 112 } as const;

export function deltaFacts(kind: DeltaKind, { rows }: Pick<Base, 'rows'>): DeltaFacts {
  const documents = Math.round(rows * SHARE);
  const inserted = kind === 'worst' ? Math.floor(documents / 2) : 0;
  return { documents, updated: documents - inserted, inserted };
}

/** The documents that a delta brings, in the order of their ids. */
export function* deltaDocuments(kind: DeltaKind, base: Base): Generator<BenchDocument, void, undefined> {
  const { documents } = deltaFacts(kind, base);
  if (kind === 'recent') {
    for (const index of recentIndexes(documents, base)) yield withStatusChanged(index, base);
    return;
  }
  for (const [i, index] of uniformIndexes(documents, base).entries()) {
    if (kind === 'uniform') yield withStatusChanged(index, base);
    else yield i % 2 === 0 ? withAllChanged(index, base) : insertedAfter(index, base);
  }
}

/** `count` different indexes, ascending: one from each of as many strata of equal length. */
export function uniformIndexes(count: number, { rows, seed }: Base): number[] {
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor((i * rows) / count);
    const end = Math.floor(((i + 1) * rows) / count);
    return first + below(random(seed, STREAM.uniform, i), end - first);
  });
}

/**
 * `count` different indexes, ascending, whose ages (from the newest) are exponentially distributed: one from each of as many quantiles.
 * Where the newest are wanted more than once, the next older ones are taken.
 */
export function recentIndexes(count: number, { rows, seed }: Base): number[] {
  const ages: number[] = [];
  for (let i = 0; i < count; i++) {
    const quantile = (i + random(seed, STREAM.recent, i)()) / count;
    const age = Math.floor(-Math.log(1 - quantile) * MEAN_AGE * rows);
    ages.push(Math.max(Math.min(age, rows - count + i), (ages[i - 1] ?? -1) + 1));
  }
  return ages.map((age) => rows - 1 - age).reverse();
}
