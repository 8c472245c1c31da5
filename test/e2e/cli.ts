import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** What a command printed and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** A result line of `--json`. */
export interface JsonResult {
  readonly table: string;
  readonly status: string;
  readonly version: number | null;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly deleted: number;
  readonly quarantined: number;
  readonly partitionsTouched: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly hint: string | null;
  };
}

/** A folder with a configuration in which the built command line is run as a user would run it. */
export interface Workspace {
  readonly folder: string;
  /** Runs a command to its end; killed after two minutes. */
  run(...args: string[]): Promise<Ended>;
  /** Runs a command with `--json` and gives its result lines. */
  json(...args: string[]): Promise<{ readonly ended: Ended; readonly results: readonly JsonResult[] }>;
  /** Starts a command that goes on, such as a worker. */
  start(...args: string[]): Running;
  /** The same with more in its environment. */
  startWith(env: Readonly<Record<string, string>>, ...args: string[]): Running;
  /** The same, started by a program that becomes it (`exec`): its name and arguments, which those of the command follow. */
  startBy(program: readonly string[], ...args: string[]): Running;
  /** Replaces the configuration. */
  configure(config: unknown): void;
  /** Writes a file beside it. */
  write(name: string, text: string): void;
  /** Ends what was started and removes the folder. */
  close(): Promise<void>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves with the first stderr or stdout line, past or future, that has `text`; rejects after a minute or at the end. */
  line(text: string): Promise<string>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const DEADLINE_MS = 120_000;

/** `cli` is the command line's own file, the built one unless given. */
export function workspace(config: unknown, env: Record<string, string> = {}, cli = CLI): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-e2e-'));
  const file = join(folder, 'mongolake.yaml');
  const configure = (value: unknown) => writeFileSync(file, typeof value === 'string' ? value : stringify(value));
  configure(config);
  mkdirSync(join(folder, 'scratch'));
  const running = new Set<Running>();
  const environment = { ...process.env, ...env, NO_COLOR: '1' };
  const launch = (args: string[], more: Readonly<Record<string, string>> = {}, by: readonly string[] = []) => {
    const [program, ...rest] = [...by, process.execPath, cli, '-c', file, ...args];
    return spawn(program as string, rest, {
      cwd: folder,
      env: { ...environment, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };
  const run = (...args: string[]) => finish(launch(args));
  const track = (child: ChildProcess) => {
    const started = follow(child);
    running.add(started);
    return started;
  };
  return {
    folder,
    configure,
    run,
    async json(...args) {
      const ended = await run('--json', '--log-level', 'warn', ...args);
      const results = ended.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as JsonResult);
      return { ended, results };
    },
    start: (...args) => track(launch(args)),
    startWith: (more, ...args) => track(launch(args, more)),
    startBy: (program, ...args) => track(launch(args, {}, program)),
    write: (name, text) => writeFileSync(join(folder, name), text),
    async close() {
      await Promise.all([...running].map((one) => one.end('SIGKILL')));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for the end of a command; kills it after two minutes. */
export function finish(child: ChildProcess): Promise<Ended> {
  const started = performance.now();
  const chunks: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (chunks.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (chunks.stderr += text));
  const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(deadline);
      resolve({ code, ...chunks, durationMs: performance.now() - started });
    });
  });
}

/** Gathers what a command that goes on prints. */
export function follow(child: ChildProcess): Running {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const changed = () => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      changed();
    });
  }
  const closed = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      ended = true;
      resolve(code);
      changed();
    });
  });
  return {
    child,
    lines,
    line(text) {
      return new Promise((resolve, reject) => {
        const settle = (action: () => void) => {
          waiting.delete(look);
          clearTimeout(deadline);
          action();
        };
        const look = () => {
          const found = lines.find((line) => line.includes(text));
          if (found !== undefined) settle(() => resolve(found));
          else if (ended) settle(() => reject(new Error(`ended without "${text}":\n${lines.join('\n')}`)));
        };
        const deadline = setTimeout(
          () => settle(() => reject(new Error(`no "${text}" in time:\n${lines.join('\n')}`))),
          DEADLINE_MS / 2,
        );
        waiting.add(look);
        look();
      });
    },
    async end(signal) {
      if (!ended) child.kill(signal);
      return closed;
    },
  };
}
