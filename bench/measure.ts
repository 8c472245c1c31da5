import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lastLines } from '../test/services/command.ts';
import { endedChildrenCpu, readMemory, readProcesses, treeOf } from './process-tree.ts';

/** A program, how it is started, and where. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that the job needs beside it: started before it and ended after it. */
export interface Beside extends Command {
  /** What it prints once it is ready. */
  readonly ready: string;
}

/** What a run of a command took, from its start to its end. */
export interface Measured {
  readonly seconds: number;
  /** User and system, of the whole tree, and of what ran beside it from start to end. */
  readonly cpuSeconds: number;
  /** Most resident memory of all these processes together; pages that they share count for each. */
  readonly peakBytes: number;
  readonly stdout: string;
}

const SAMPLE_MS = 100;

/**
 * Runs a command to its end and measures it. What earlier commands left in the page cache is written to disk first, so that no one pays
 * for another. Throws with the end of what it printed where it fails.
 */
export async function measure(command: Command, beside: readonly Beside[] = []): Promise<Measured> {
  execFileSync('sync');
  const cpuBefore = endedChildrenCpu();
  const helpers: ChildProcess[] = [];
  const sampler = startSampling();
  try {
    for (const one of beside) helpers.push(await startBeside(one, sampler));
    const started = performance.now();
    const stdout = await run(command, sampler);
    const seconds = (performance.now() - started) / 1000;
    await endAll(helpers);
    const { cpuSeconds, peakBytes } = sampler.stop();
    // A child that its parent did not wait for (the JVM of PySpark) is in the samples alone; one that ended between two is in neither.
    return { seconds, cpuSeconds: Math.max(endedChildrenCpu() - cpuBefore, cpuSeconds), peakBytes, stdout };
  } finally {
    sampler.stop();
    await endAll(helpers);
  }
}

interface Sampler {
  readonly roots: number[];
  /** Ends the sampling and tells what was seen. */
  stop(): { readonly cpuSeconds: number; readonly peakBytes: number };
}

function startSampling(): Sampler {
  const roots: number[] = [];
  const cpu = new Map<number, number>();
  let peakBytes = 0;
  const timer = setInterval(() => {
    const tree = treeOf(readProcesses(), roots);
    for (const { pid, cpuSeconds } of tree) cpu.set(pid, cpuSeconds);
    const memory = tree.map(({ pid }) => readMemory(pid));
    const together = memory.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    // The peak of one process is known even where it fell between two samples.
    peakBytes = Math.max(peakBytes, together, ...memory.map((one) => one.peakBytes));
  }, SAMPLE_MS);
  return {
    roots,
    stop() {
      clearInterval(timer);
      return { cpuSeconds: [...cpu.values()].reduce((sum, one) => sum + one, 0), peakBytes };
    },
  };
}

function start({ program, args, cwd, env }: Command, sampler: Sampler): ChildProcess {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid !== undefined) sampler.roots.push(child.pid);
  child.stdout?.setEncoding('utf8');
  child.stderr?.setEncoding('utf8');
  return child;
}

async function run(command: Command, sampler: Sampler): Promise<string> {
  const child = start(command, sampler);
  let stdout = '';
  let printed = '';
  child.stdout?.on('data', (text: string) => {
    stdout += text;
    printed = (printed + text).slice(-4000);
  });
  child.stderr?.on('data', (text: string) => {
    printed = (printed + text).slice(-4000);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code === 0) return stdout;
  const how = code === null ? `ended by ${signal}` : `exit ${code}`;
  throw new Error(`${command.program} ${command.args.join(' ')}: ${how}: ${lastLines(printed)}`);
}

async function startBeside(command: Beside, sampler: Sampler): Promise<ChildProcess> {
  const child = start(command, sampler);
  return new Promise((resolve, reject) => {
    let printed = '';
    const look = (text: string) => {
      printed += text;
      if (printed.includes(command.ready)) resolve(child);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${command.program} ended before it was ready: ${lastLines(printed)}`)));
  });
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    await ended;
  }
}
