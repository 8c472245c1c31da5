import { writeFileSync } from 'node:fs';
import type { Difference, DifferentId } from '../../shared/domain/comparison.ts';
import type { IdType } from '../../shared/domain/ids.ts';
import { idDocument } from '../../shared/domain/stored-ids.ts';
import type { LocalIds } from './engine.ts';

/** Ids of one list, and its bytes, after which another begins: a list is one object, and is read at once. */
const LIST_IDS = 50_000;
const LIST_BYTES = 4 * 1024 * 1024;

/** Differences of one partition whose ids are told; each is told by at most so many characters. */
const MOST_EXAMPLES = 1_000;
const EXAMPLE_CHARACTERS = 100;

/** Takes what differs in one partition, counts it, and lists its ids on disk. */
export interface Suspects {
  /** `id` as the table stores it. */
  add(id: string, difference: Difference): void;
  /** Ends the last list. */
  close(): void;
  readonly differences: Record<Difference, number>;
  readonly examples: readonly DifferentId[];
  readonly lists: readonly LocalIds[];
}

export function createSuspects(folder: string, idType: IdType): Suspects {
  const differences: Record<Difference, number> = { missing: 0, stale: 0, gone: 0 };
  const examples: DifferentId[] = [];
  const lists: LocalIds[] = [];
  let waiting: Buffer[] = [];
  let bytes = 0;
  const write = () => {
    if (waiting.length === 0) return;
    const path = `${folder}/ids-${lists.length}.bson`;
    writeFileSync(path, Buffer.concat(waiting));
    lists.push({ path, ids: waiting.length });
    waiting = [];
    bytes = 0;
  };
  return {
    differences,
    examples,
    lists,
    add(id, difference) {
      differences[difference] += 1;
      if (examples.length < MOST_EXAMPLES) examples.push({ id: id.slice(0, EXAMPLE_CHARACTERS), difference });
      const document = idDocument(id, idType);
      if (document === undefined) return;
      waiting.push(document);
      bytes += document.length;
      if (waiting.length === LIST_IDS || bytes >= LIST_BYTES) write();
    },
    close: write,
  };
}
