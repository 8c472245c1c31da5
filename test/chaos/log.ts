import { expect } from 'vitest';
import type { ChaosStore } from './store.ts';

/** One entry of a table's Delta log, read without any code of ours. */
export interface LogEntry {
  readonly version: number;
  readonly operation: string;
  readonly run: string;
  readonly epoch: number;
  /** Of a run; absent in an entry that only takes a version. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

interface LogLine {
  readonly commitInfo?: {
    readonly operation: string;
    readonly txnId: string;
    readonly mongolake: { readonly epoch: number; readonly counts?: Readonly<Record<string, number>> };
  };
  readonly add?: { readonly path: string };
  readonly remove?: { readonly path: string };
}

const ENTRY = /_delta_log\/(\d{20})\.json$/;

/** Every entry of the table's log, oldest first. */
export async function readLog(store: ChaosStore, table: string): Promise<readonly LogEntry[]> {
  const keys = (await store.keys(`${table}/_delta_log/`)).filter((key) => ENTRY.test(key));
  return Promise.all(keys.map(async (key) => entryOf(Number(ENTRY.exec(key)?.[1]), await store.text(key))));
}

function entryOf(version: number, text: string): LogEntry {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
  const info = lines.find((line) => line.commitInfo !== undefined)?.commitInfo;
  if (info === undefined) throw new Error(`version ${version} has no commitInfo`);
  const { operation, txnId: run, mongolake } = info;
  return {
    version,
    operation,
    run,
    epoch: mongolake.epoch,
    ...(mongolake.counts === undefined ? {} : { counts: mongolake.counts }),
    added: lines.flatMap(({ add }) => (add === undefined ? [] : [decodeURIComponent(add.path)])),
    removed: lines.flatMap(({ remove }) => (remove === undefined ? [] : [decodeURIComponent(remove.path)])),
  };
}

/**
 * Versions follow each other, no run is in it twice, nobody commits after someone with a greater epoch did, and the books of each
 * entry balance.
 */
export function expectSoundLog(log: readonly LogEntry[]): void {
  expect(log.map(({ version }) => version)).toEqual(log.map((_, i) => i));
  const runs = log.filter(({ counts }) => counts !== undefined).map(({ run }) => run);
  expect(new Set(runs).size, `runs that committed: ${runs.join(', ')}`).toBe(runs.length);
  const epochs = log.map(({ epoch }) => epoch);
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  for (const { counts, operation } of log) {
    if (counts === undefined) continue;
    // What a replaced table had was deleted, and not read.
    expectBalanced(operation === 'REPLACE' ? { ...counts, deleted: 0 } : counts);
  }
}

/** Every document that was read became one of the others. */
export function expectBalanced(counts: Readonly<Record<string, unknown>>): void {
  const of = (name: string) => Number(counts[name]);
  const told = ['inserted', 'updated', 'deleted', 'unchanged', 'superseded', 'quarantined'];
  expect(of('read'), JSON.stringify(counts)).toBe(told.reduce((sum, name) => sum + of(name), 0));
}

/** Files of the newest version, relative to the table. */
export function liveFiles(log: readonly LogEntry[]): readonly string[] {
  const live = new Set<string>();
  for (const { added, removed } of log) {
    for (const path of removed) live.delete(path);
    for (const path of added) live.add(path);
  }
  return [...live].sort();
}
