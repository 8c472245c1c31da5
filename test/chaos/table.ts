import { once } from 'node:events';
import { expect } from 'vitest';
import type { CrashPoint } from '../../src/shared/crash-points.ts';
import { type JsonResult, type Running, type Workspace, workspace } from '../e2e/cli.ts';
import { readTable } from '../services/readers/read.ts';
import type { ConfigChange, Lake } from './lake.ts';
import { expectBalanced, expectSoundLog, liveFiles, readLog } from './log.ts';

/** A process and how it ended. */
export interface Victim extends Running {
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** One table of a lake, and the processes that work on it. */
export interface ChaosTable {
  readonly name: string;
  readonly space: Workspace;
  /** Starts a command; with a crash point, one that dies there (or stops there, with `:SIGSTOP`). */
  start(at: CrashPoint | `${CrashPoint}:SIGSTOP` | undefined, ...args: string[]): Victim;
  /** Starts a worker and waits until it takes jobs. */
  worker(at?: CrashPoint | `${CrashPoint}:SIGSTOP`): Promise<Victim>;
  /** Runs a command until it dies at the point; while another run holds the table it is tried again. */
  dies(at: CrashPoint, ...args: string[]): Promise<void>;
  /** Runs a command until it is not told to try again later; gives its result. Any other failure is one of the test. */
  untilDone(...args: string[]): Promise<JsonResult>;
  /** The table holds what the collection does, each id once; its log is sound; every file is there. */
  expectRight(): Promise<void>;
  /** What runs left staged: nothing, where the last one ended in order. */
  staged(): Promise<readonly string[]>;
  /** Data files that no version ever named, as the store lists them. */
  orphans(): Promise<readonly string[]>;
  /** Puts a data file there as an attempt leaves it that died before its receipt; gives its path. */
  addOrphan(): Promise<string>;
  /** Data files that `vacuum --dry-run` would delete, once everything is old. */
  vacuumed(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const TRIES = 40;

/** The table in the lake's folder `name`, which may not be there yet. */
export function chaosTable(lake: Lake, name: string, change: ConfigChange = {}): ChaosTable {
  const space = workspace(lake.config(name, change));
  const { store } = lake;
  const start: ChaosTable['start'] = (at, ...args) => {
    const process = space.startWith(at === undefined ? {} : { MONGOLAKE_CRASH_POINT: at }, ...args);
    const ended = once(process.child, 'close').then(([code, signal]) => ({ code, signal }));
    return Object.assign(process, { ended });
  };
  const dataKeys = async () => (await store.keys(`${name}/data/`)).map((key) => key.slice(name.length + 1));
  return {
    name,
    space,
    start,
    async worker(at) {
      const process = start(at, '--log-level', 'debug', 'worker');
      await process.line('worker started');
      return process;
    },
    async dies(at, ...args) {
      for (let tries = 0; tries < TRIES; tries++) {
        const process = start(at, ...args);
        const { code, signal } = await process.ended;
        if (signal === 'SIGKILL') return;
        if (code !== 75) throw new Error(`${at} was not reached, exit ${code}:\n${process.lines.join('\n')}`);
      }
      throw new Error(`the table of ${at} was never free`);
    },
    untilDone: (...args) => untilDone(space, args),
    expectRight: () => expectRight(lake, name),
    staged: () => store.keys(`${name}/_mongolake/runs/`),
    async orphans() {
      const named = new Set((await readLog(store, name)).flatMap(({ added }) => added));
      return (await dataKeys()).filter((key) => !named.has(key));
    },
    async addOrphan() {
      const [file = ''] = await dataKeys();
      const orphan = file.replace(/-[0-9a-f]+-(\d+)\.parquet$/, '-00000000ffff-$1.parquet');
      await store.copy(`${name}/${file}`, `${name}/${orphan}`);
      return orphan;
    },
    async vacuumed() {
      store.age(name);
      const { objects = [] } = (await untilDone(space, ['vacuum', '--dry-run'])) as JsonResult & Vacuumed;
      return objects
        .map(({ key }) => key)
        .filter((key) => key.startsWith('data/'))
        .sort();
    },
    close: () => space.close(),
  };
}

interface Vacuumed {
  readonly objects?: readonly { readonly key: string }[];
}

async function untilDone(space: Workspace, args: readonly string[]): Promise<JsonResult> {
  for (let tries = 0; tries < TRIES; tries++) {
    const { ended, results } = await space.json(...args);
    const [result] = results;
    if (ended.code === 75) {
      expect(result?.error, ended.stderr).toMatchObject({ retryable: true });
      continue;
    }
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    if (result === undefined) throw new Error(`no result: ${ended.stderr}`);
    if (result.read !== undefined) expectBalanced({ ...result });
    return result;
  }
  throw new Error(`${args.join(' ')}: told to try again later, again and again`);
}

async function expectRight({ store, rows }: Lake, name: string): Promise<void> {
  const found = await readTable('duckdb', `s3://${store.bucket}/${name}`, { columns: ['_id', 'n'], s3: store });
  // Twice the same id would hide in a map.
  expect(found, `rows of ${name}`).toHaveLength(rows.size);
  expect(new Map(found.map(({ _id, n }) => [_id, n])), `rows of ${name}`).toEqual(rows);
  const log = await readLog(store, name);
  expectSoundLog(log);
  const keys = new Set(await store.keys(`${name}/`));
  for (const path of liveFiles(log)) expect(keys, path).toContain(`${name}/${path}`);
}
