import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the newest version of a Delta table did to its files. */
export interface LastCommit {
  readonly filesWritten: number;
  readonly bytesWritten: number;
  /** Bytes of the files that are no longer in the table. */
  readonly bytesReplaced: number;
  /** Files that the version before had too. */
  readonly filesKept: number;
}

/** An entry's action, as far as it is read here (Delta protocol, "Actions"). */
interface Action {
  readonly add?: { readonly path: string; readonly size: number };
  readonly remove?: { readonly path: string };
}

/** Reads the log of a table that has no checkpoint yet. Throws where there is no table. */
export function lastCommit(table: string): LastCommit {
  const log = join(table, '_delta_log');
  const entries = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  const versions = entries.sort().map((name) => parseEntry(readFileSync(join(log, name), 'utf8')));
  return commitOf(versions);
}

export function parseEntry(text: string): Action[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Action);
}

/** `versions` are all entries of a log, oldest first. */
export function commitOf(versions: readonly (readonly Action[])[]): LastCommit {
  const before = new Map<string, number>();
  for (const { add, remove } of versions.slice(0, -1).flat()) {
    if (add) before.set(add.path, add.size);
    if (remove) before.delete(remove.path);
  }
  const last = versions.at(-1) ?? [];
  const written = last.flatMap(({ add }) => (add ? [add.size] : []));
  const replaced = last.flatMap(({ remove }) => (remove ? [before.get(remove.path) ?? 0] : []));
  return {
    filesWritten: written.length,
    bytesWritten: sum(written),
    bytesReplaced: sum(replaced),
    filesKept: before.size - replaced.length,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
