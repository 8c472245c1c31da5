import { join } from 'node:path';
import { kept, sourcesKey } from '../cache.ts';
import { type DeltaKind, deltaDocuments } from './delta.ts';
import { AS_OF, type Base, type BenchDocument, CHANGED_AS_OF, documentAt } from './document.ts';
import { writeDump } from './dump.ts';

/** The collection as a dump; returns its folder. */
export async function baseDump(base: Base): Promise<string> {
  return kept(dataName(base, 'dump'), (folder) => writeDump(folder, collection(base), AS_OF));
}

/** A dump of only what changed; a sync merges it into the table. */
export async function deltaDump(kind: DeltaKind, base: Base): Promise<string> {
  return kept(dataName(base, `${kind}-dump`), (folder) => writeDump(folder, deltaDocuments(kind, base), CHANGED_AS_OF));
}

/** A dump of no document: nothing changed. */
export async function emptyDump(base: Base): Promise<string> {
  return kept(dataName(base, 'empty-dump'), (folder) => writeDump(folder, [], CHANGED_AS_OF));
}

/** The name in the cache of something made from the collection. */
export function dataName({ seed, rows }: Base, what: string): string {
  const sources = ['document.ts', 'delta.ts', 'dump.ts'].map((name) => join('data', name));
  return join(`data-${sourcesKey(sources)}`, `seed-${seed}-rows-${rows}`, what);
}

function* collection(base: Base): Generator<BenchDocument, void, undefined> {
  for (let index = 0; index < base.rows; index++) yield documentAt(index, base);
}
