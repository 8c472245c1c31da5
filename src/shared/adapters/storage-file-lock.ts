import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { systemCode } from './storage-file-errors.ts';
import { HIDDEN_PREFIX } from './storage-keys.ts';

/** A lock this old belongs to a process that is gone. */
const STALE_MS = 10_000;
/** Waiting longer for a lock means that its holder hangs; longer than `STALE_MS`, so that a dead holder's lock is waited out. */
const WAIT_MS = 15_000;
/** A holder that took longer than this may have been paused and overtaken, and must not write any more. */
const HELD_MS = STALE_MS / 2;
const POLL_MS = 5;

/**
 * Runs `critical` while this process alone, on this machine and on others that share the folder, holds the lock of `path`.
 * `critical` gets a function to call right before it makes its change: it throws where the lock may have been lost meanwhile.
 * Throws `STORE_UNREACHABLE` where the lock can't be had in time.
 */
export async function withFileLock<T>(
  path: string,
  clock: Clock,
  critical: (stillHeld: () => void) => Promise<T>,
): Promise<T> {
  let lost: unknown;
  const release = await acquire(path, clock, (error) => {
    lost = error;
  });
  const since = clock.monotonic();
  const stillHeld = (): void => {
    if (lost === undefined && clock.monotonic() - since < HELD_MS) return;
    throw new MongolakeError('STORE_UNREACHABLE', `${path}: the lock was lost while it was held; nothing was written`, {
      cause: lost,
      hint: 'This process or its disk stood still for seconds. Run again.',
    });
  };
  const [outcome] = await Promise.allSettled([critical(stillHeld)]);
  const [released] = await Promise.allSettled([release()]);
  if (outcome.status === 'rejected') throw outcome.reason;
  // A lock that another took over is gone already; any other failure would leave it to grow stale.
  if (released.status === 'rejected' && lost === undefined) throw released.reason;
  return outcome.value;
}

async function acquire(path: string, clock: Clock, onLost: (error: Error) => void): Promise<() => Promise<void>> {
  // A hash keeps the lock's name within the file system's limit, whatever the length of the key's.
  const name = createHash('sha256').update(basename(path)).digest('hex').slice(0, 32);
  const lockfilePath = join(dirname(path), `${HIDDEN_PREFIX}lock-${name}`);
  const deadline = clock.monotonic() + WAIT_MS;
  // Loaded here: it listens for the process's signals from then on, to remove its locks, and only tables in a folder need it.
  const { lock } = await import('proper-lockfile');
  for (;;) {
    try {
      return await lock(path, { realpath: false, lockfilePath, stale: STALE_MS, onCompromised: onLost });
    } catch (error) {
      if (systemCode(error) !== 'ELOCKED') throw error;
      if (clock.monotonic() >= deadline) {
        throw new MongolakeError('STORE_UNREACHABLE', `${path}: the lock is held by another process for too long`, {
          cause: error,
          hint: `If no other mongolake runs, delete ${lockfilePath}.`,
        });
      }
    }
    // Jitter, so that many waiters don't keep meeting each other.
    await clock.sleep(POLL_MS + (Number.parseInt(clock.randomHex(1), 16) % 16));
  }
}
