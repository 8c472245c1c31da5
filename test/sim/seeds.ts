import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SeedLine } from './child.ts';
import type { Fault } from './options.ts';

/** This project's own sources, or a copy of them in which something was changed. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Which seeds, of which sources. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
  readonly root?: string;
  /** Faults that every seed has, and often. */
  readonly focus?: readonly Fault[];
  /** Ends with the first seed that breaks a promise. */
  readonly untilBroken?: boolean;
  /** Told of each seed as it ends; not in their order. */
  readonly onSeed?: (line: SeedLine) => void;
}

/** What many seeds came to. */
export interface Sum {
  readonly seeds: number;
  readonly broken: readonly SeedLine[];
  /** Seeds that met at least one fault. */
  readonly faulty: number;
  readonly commits: number;
  /** Virtual time, milliseconds. */
  readonly lasted: number;
  readonly struck: Readonly<Record<string, number>>;
  /** Seed → hash of its trace. */
  readonly hashes: ReadonlyMap<number, string>;
}

/** Runs seeds in as many processes as there are processors. Rejects where one of them ends otherwise than by its last seed. */
export async function runSeeds(range: SeedRange): Promise<Sum> {
  const lines: SeedLine[] = [];
  const jobs = Math.min(availableParallelism(), range.to - range.from + 1);
  const children: ChildProcess[] = [];
  let isOver = false;
  const take = (line: SeedLine) => {
    lines.push(line);
    range.onSeed?.(line);
    if (line.violation === null || range.untilBroken !== true) return;
    isOver = true;
    for (const child of children) child.kill();
  };
  await Promise.all(
    Array.from({ length: jobs }, (_, n) => runChild(range, range.from + n, jobs, children, take, () => isOver)),
  );
  return sumOf(lines);
}

function runChild(
  { to, root = ROOT, focus = [] }: SeedRange,
  from: number,
  step: number,
  children: ChildProcess[],
  take: (line: SeedLine) => void,
  isOver: () => boolean,
): Promise<void> {
  const file = join(root, 'test/sim/child.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...[from, to, step].map(String), ...focus], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line) as SeedLine));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 || isOver()) resolve();
      else reject(new Error(`the simulation from seed ${from} ended with ${code}: ${errors.slice(-2000)}`));
    });
  });
}

function sumOf(lines: readonly SeedLine[]): Sum {
  const struck: Record<string, number> = {};
  for (const line of lines) {
    for (const [fault, times] of Object.entries(line.struck)) struck[fault] = (struck[fault] ?? 0) + times;
  }
  return {
    seeds: lines.length,
    broken: lines.filter(({ violation }) => violation !== null).sort((a, b) => a.seed - b.seed),
    faulty: lines.filter((line) => Object.keys(line.struck).length > 0).length,
    commits: lines.reduce((sum, { commits }) => sum + commits, 0),
    lasted: lines.reduce((sum, { lasted }) => sum + lasted, 0),
    struck,
    hashes: new Map(lines.map(({ seed, hash }) => [seed, hash])),
  };
}
