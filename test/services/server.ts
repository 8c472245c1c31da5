import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines } from './command.ts';
import { guardProcess } from './guard.ts';
import { messageOf } from './result.ts';

/** How a server process is started. */
export interface ServerPlan {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A real request; resolves once the server answers it. Tried until the deadline. */
  readonly ready: () => Promise<unknown>;
  /** Milliseconds from start to the first answer. */
  readonly deadlineMs: number;
}

/** A server process of ours. It also ends with this process, however that ends. */
export interface Server {
  readonly pid: number;
  /** Asks it to end (SIGTERM, after 10 s SIGKILL), waits until it is gone. Also right after `kill`, and twice. */
  stop(): Promise<void>;
  /** Ends it at once with SIGKILL and waits until it is gone, as a crash would. */
  kill(): Promise<void>;
}

const ENDED = 'it ended before it answered';
const STOP_MS = 10_000;
const POLL_MS = 25;
const POLL_LIMIT_MS = 2_000;

/** Resolves once `probe` does, trying again every 25 ms. Throws with the last error after `deadlineMs`, or when `over` is set. */
export async function waitUntil(
  probe: () => Promise<unknown>,
  deadlineMs: number,
  over?: () => string | undefined,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      await within(probe(), POLL_LIMIT_MS);
      return;
    } catch (error) {
      const ended = over?.();
      if (ended !== undefined) throw new Error(ended);
      if (performance.now() > deadline) throw new Error(`no answer after ${deadlineMs} ms: ${messageOf(error)}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a request took more than ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/**
 * Runs `start` on `port`, or on a free one where none is given; then up to three, as another process may take it first.
 * Throws what the last try threw.
 */
export async function onPort<T>(port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (port !== undefined) return start(port);
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === 3 || !messageOf(error).includes(ENDED)) throw error;
    }
  }
}

/**
 * Starts a server and waits for its first answer. `folder` is its home: its log goes there, and the folder is removed by
 * `stop` and when this process ends. Throws with the end of the log where it does not come up; nothing is left running then.
 */
export async function startServer(folder: string, plan: ServerPlan): Promise<Server> {
  const log = join(folder, 'server.log');
  const child = spawnLogged(plan, log);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const pid = child.pid;
  if (pid === undefined) {
    await gone;
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`${plan.program} can't be started`);
  }
  const guard = guardProcess(pid, folder);
  void gone.then(guard.processEnded);
  const kill = async () => {
    child.ref();
    child.kill('SIGKILL');
    await gone;
  };
  const stop = async () => {
    await endGently(child, gone);
    guard.release();
  };
  try {
    await waitUntil(plan.ready, plan.deadlineMs, () => (hasEnded(child) ? ENDED : undefined));
    // Otherwise whoever took the port first has answered.
    if (hasEnded(child)) throw new Error(ENDED);
  } catch (error) {
    const message = `${plan.program}: ${messageOf(error)}: ${lastLines(readFileSync(log, 'utf8'))}`;
    await kill();
    guard.release();
    throw new Error(message);
  }
  return { pid, stop, kill };
}

/** A new empty folder for a server, `mongolake-<name>-…` in the system's temporary folder. */
export function serverFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `mongolake-${name}-`));
}

function spawnLogged(plan: ServerPlan, log: string): ChildProcess {
  const output = openSync(log, 'a');
  const child = spawn(plan.program, plan.args, {
    env: { ...process.env, ...plan.env },
    stdio: ['ignore', output, output],
    // A Ctrl-C is for us; we end our servers ourselves, in order.
    detached: true,
  });
  closeSync(output);
  child.unref();
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endGently(child: ChildProcess, gone: Promise<void>): Promise<void> {
  if (hasEnded(child)) return;
  child.ref();
  child.kill('SIGTERM');
  child.kill('SIGCONT'); // a test may have paused it
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}
