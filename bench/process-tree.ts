import { readdirSync, readFileSync } from 'node:fs';

/** One process, as a line of /proc/<pid>/stat tells it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** User and system, of the process itself. */
  readonly cpuSeconds: number;
  /** Of those of its children that have ended and were waited for, and of theirs. */
  readonly childrenCpuSeconds: number;
}

/** Bytes that a process has resident now, and the most that it ever had; zeros where it has ended. */
export interface Memory {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

/** USER_HZ, in which /proc counts: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Reads /proc/<pid>/stat (proc(5)). The name of the program, in brackets, may hold brackets and blanks itself. */
export function parseStat(line: string): ProcessFacts {
  const rest = line.slice(line.lastIndexOf(')') + 2).split(' ');
  // Fields are counted from 1 there, and `rest` begins with the third.
  const field = (number: number): number => Number(rest[number - 3]);
  return {
    pid: Number(line.slice(0, line.indexOf(' '))),
    parent: field(4),
    cpuSeconds: (field(14) + field(15)) / TICKS_PER_SECOND,
    childrenCpuSeconds: (field(16) + field(17)) / TICKS_PER_SECOND,
  };
}

/** Reads /proc/<pid>/status (proc(5)). */
export function parseMemory(status: string): Memory {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
}

/** The processes of `all` that are one of `roots` or descend from one. */
export function treeOf(all: readonly ProcessFacts[], roots: readonly number[]): ProcessFacts[] {
  const own = all.filter(({ pid }) => roots.includes(pid));
  const children = all.filter(({ parent }) => own.some(({ pid }) => pid === parent));
  return children.length === 0 ? own : [...own, ...treeOf(all, pidsOf(children))];
}

function pidsOf(processes: readonly ProcessFacts[]): number[] {
  return processes.map(({ pid }) => pid);
}

/** All processes of this machine. */
export function readProcesses(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readUnlessEnded(`/proc/${pid}/stat`))
    .filter((line) => line !== '')
    .map(parseStat);
}

export function readMemory(pid: number): Memory {
  return parseMemory(readUnlessEnded(`/proc/${pid}/status`));
}

/** Seconds of the processor that the kernel has counted for this process's children that have ended, and for theirs. */
export function endedChildrenCpu(): number {
  return parseStat(readFileSync('/proc/self/stat', 'utf8')).childrenCpuSeconds;
}

/** A process may end between being listed and being read. */
function readUnlessEnded(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
