import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../ports/clock.ts';
import { isAbsent } from './storage-file-errors.ts';
import { HIDDEN_PREFIX } from './storage-keys.ts';

const TEMPORARY_PREFIX = `${HIDDEN_PREFIX}tmp-`;
/** A temporary file this much older than a new one beside it was left by a process that died. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Runs `run` with a synced temporary file that holds `chunks`, in `folder`, which is created where it is missing. Afterwards the
 * temporary file is gone, and the folder is synced so that what `run` did to it survives a crash. Errors are the system's own, or
 * those of `chunks` and `run`. `mode` is for who may read it.
 */
export async function withTemporary<T>(
  folder: string,
  clock: Clock,
  chunks: AsyncIterable<Buffer>,
  run: (temporary: string) => Promise<T>,
  mode = 0o666,
): Promise<T> {
  await makeFolder(folder);
  const temporary = join(folder, `${TEMPORARY_PREFIX}${clock.randomHex(16)}`);
  const [outcome] = await Promise.allSettled([writeSynced(temporary, chunks, mode).then(() => run(temporary))]);
  const [cleaned] = await Promise.allSettled([rm(temporary, { force: true }).then(() => syncFolder(folder))]);
  if (outcome.status === 'rejected') throw outcome.reason;
  if (cleaned.status === 'rejected') throw cleaned.reason;
  return outcome.value;
}

/**
 * Deletes temporary files in `folder` that a crashed process left there long ago. Their age is told by the file system's own
 * clock, as a new file there has it: ours may be another. A writer that is merely that slow fails, and is none the wiser.
 */
export async function sweepTemporaries(folder: string, newest: string): Promise<void> {
  const now = (await stat(newest)).mtimeMs;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const path = join(folder, name);
    try {
      if (now - (await stat(path)).mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    } catch (error) {
      // Its writer has just finished with it.
      if (!isAbsent(error)) throw error;
    }
  }
}

async function writeSynced(path: string, chunks: AsyncIterable<Buffer>, mode: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    for await (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates the folder and syncs every parent that got a new entry: else a crash could lose the folder with what is in it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(folder: string): Promise<void> {
  // Windows can't open a folder; NTFS journals its entries.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
