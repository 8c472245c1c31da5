import type { LocalBaseFile } from './engine.ts';

/** Files, and the rows of each; the last has the rest. */
export interface Parts {
  readonly files: number;
  readonly rows: number;
}

/** A file may grow to this many times its target before it is split, so that a split never leaves a small rest. */
const SPLIT_FACTOR = 1.5;

/** Into how many files, of how many rows each, a file goes that is written anew. `target` is in bytes. */
export function partsOf(
  file: Pick<LocalBaseFile, 'size'>,
  { baseRows, inserted, deleted }: { readonly baseRows: number; readonly inserted: number; readonly deleted: number },
  target: number,
): Parts {
  const rows = baseRows + inserted - deleted;
  const bytes = baseRows === 0 ? 0 : (file.size * rows) / baseRows;
  const files = bytes <= target * SPLIT_FACTOR ? 1 : Math.round(bytes / target);
  return { files, rows: Math.ceil(rows / files) };
}
