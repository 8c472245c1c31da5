import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/**
 * The real disk, but at once. The code that is simulated writes scratch files in Node's thread pool,
 * whose order is chance's: here each such call is done where it is made, and only its answer is told later. Importing this file changes
 * the whole process, so it comes before whatever uses them.
 */
type Answer = (error: unknown, ...values: unknown[]) => void;
// biome-ignore lint/suspicious/noExplicitAny: the signatures are Node's own.
type Work = (...parameters: any[]) => unknown;

/** Files that are open now: those of a process that crashed stay so. */
const open = new Set<number>();

function answering(work: Work, extra: (parameters: readonly unknown[]) => readonly unknown[] = () => []): Work {
  return (...parameters) => {
    const answer = parameters.pop() as Answer;
    try {
      const value = work(...parameters);
      process.nextTick(answer, null, value, ...extra(parameters));
    } catch (error) {
      process.nextTick(answer, error);
    }
  };
}

function promising(work: Work): Work {
  return async (...parameters) => work(...parameters);
}

function opened(path: string, flags?: string | number, mode?: number): number {
  const fd = fs.openSync(path, flags ?? 'r', mode);
  open.add(fd);
  return fd;
}

function closed(fd: number): void {
  open.delete(fd);
  fs.closeSync(fd);
}

const realOpen = fs.promises.open;

/** As much of a `FileHandle` as writers of scratch files use. */
function openHandle(path: string, flags?: string, mode?: number): unknown {
  if (flags !== 'w') return realOpen(path, flags, mode);
  const fd = opened(path, flags, mode);
  return {
    fd,
    writeFile: promising((data: Buffer | string) => fs.writeFileSync(fd, data)),
    write: promising((data: Buffer) => ({ bytesWritten: fs.writeSync(fd, data), buffer: data })),
    close: promising(() => closed(fd)),
  };
}

const buffer = (parameters: readonly unknown[]) => [parameters[1]];

Object.assign(fs, {
  open: answering(opened),
  close: answering(closed),
  read: answering(fs.readSync, buffer),
  write: answering(fs.writeSync, buffer),
  writev: answering(fs.writevSync, buffer),
});
Object.assign(fs.promises, {
  mkdir: promising(fs.mkdirSync),
  mkdtemp: promising(fs.mkdtempSync),
  rm: promising(fs.rmSync),
  open: promising(openHandle),
});
syncBuiltinESMExports();

/** Closes what crashed processes left open. */
export function closeLeftOpen(): void {
  for (const fd of [...open]) closed(fd);
}

/** What Node calls work of the disk that is still done in its pool: files that are opened to be read, checkpoints. */
const DISK = /^(?:FSReq|CloseReq)/;

/** Resolves once everything that can go on without the simulation's clock has done so. */
export async function rest(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (process.getActiveResourcesInfo().some((name) => DISK.test(name)));
}
