import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../test/services/command.ts';
import { DUMP_FILE } from './data/dump.ts';
import type { Beside, Command } from './measure.ts';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const UNTIMED_MS = 60 * 60_000;

/** Settings of `defaults` that differ from mongolake's own. */
export type Settings = Readonly<Record<string, string | number>>;

/** A collection on a server. */
export interface ServerSource {
  readonly uri: string;
  readonly database: string;
  readonly collection: string;
}

/** A configuration of one table. */
export interface TableConfig {
  /** The dump's folder, or a collection on a server. */
  readonly source: string | ServerSource;
  /** The table's folder. */
  readonly table: string;
  readonly settings: Settings;
  /** URL of Redis; the local queue where not given. */
  readonly redis?: string | undefined;
}

/** What a run's `--json` tells, as far as it is read here. */
export interface RunCounts {
  readonly version: number | null;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
}

/** Writes a configuration as `mongolake.yaml` in a folder, made where it is missing. */
export function configure(folder: string, { source, table, settings, redis }: TableConfig): void {
  mkdirSync(folder, { recursive: true });
  const config = {
    version: 1,
    connections: {
      guest:
        typeof source === 'string'
          ? { kind: 'dump', path: join(source, DUMP_FILE) }
          : { kind: 'mongodb', uri: source.uri },
    },
    queue: redis === undefined ? { kind: 'local' } : { kind: 'redis', url: redis },
    defaults: settings,
    pipelines: { guest: { source: { connection: 'guest', ...namesOf(source) }, table: { uri: table } } },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'mongolake.yaml'), JSON.stringify(config, undefined, 2));
}

/** A dump says itself what it is of. */
function namesOf(source: TableConfig['source']) {
  return typeof source === 'string' ? {} : { database: source.database, collections: [source.collection] };
}

/** A command line of mongolake's in the folder of its configuration. */
export function mongolake(folder: string, ...args: string[]): Command {
  return { program: process.execPath, args: [CLI, '--json', '--log-level', 'warn', ...args], cwd: folder };
}

/** So many workers of one job at a time, in the folder of their configuration. */
export function workers(folder: string, count: number): Beside[] {
  const args = [CLI, '--log-format', 'json', 'worker', '--concurrency', '1'];
  const worker: Beside = { program: process.execPath, args, cwd: folder, ready: 'worker started' };
  return Array.from({ length: count }, () => worker);
}

/** Makes the table of a configuration. */
export async function backfill(folder: string, config: TableConfig): Promise<void> {
  configure(folder, config);
  const { program, args, cwd } = mongolake(folder, 'backfill');
  await runCommand(program, args, { cwd, deadlineMs: UNTIMED_MS });
}

/** Reads what `sync` or `backfill` printed. */
export function countsOf(stdout: string): RunCounts {
  return JSON.parse(stdout) as RunCounts;
}
