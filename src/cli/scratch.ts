import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';

/** Runs `work` in a new folder below `root`, which is made where it is missing, and removes the folder. Throws `SCRATCH`. */
export async function withScratch<T>(root: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder(root);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(root: string): Promise<string> {
  try {
    await mkdir(root, { recursive: true });
    return await mkdtemp(join(root, 'mongolake-'));
  } catch (error) {
    throw unusable(root, error);
  }
}

/** Bytes free on the scratch folder's disk, after proving that a file can be written there. Throws `SCRATCH`. */
export async function freeSpace(root: string, clock: Clock): Promise<number> {
  return withScratch(root, async (folder) => {
    try {
      await writeFile(join(folder, 'probe'), clock.randomHex(16));
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      throw unusable(root, error);
    }
  });
}

function unusable(root: string, error: unknown): MongolakeError {
  return new MongolakeError('SCRATCH', `the scratch folder ${root} can't be used: ${(error as Error).message}`, {
    hint: 'Set worker.scratch to a folder that is writable and has space.',
    cause: error,
  });
}
