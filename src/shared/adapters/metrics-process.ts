import { lstat, readdir, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../ports/clock.ts';
import { within } from '../within.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

/** What every process tells of itself: its version, whether it makes progress, and the memory that it may have. */
export function processMetrics(
  { gauge }: MetricsRegistry,
  { version, isAlive }: { readonly version: string; readonly isAlive: () => boolean },
): void {
  gauge('build_info', 'The version of mongolake that runs; always 1', ['version']).set({ version }, 1);
  gauge('alive', 'Whether the process makes progress, as /healthz says: 1 or 0', [], async (alive) => {
    alive.set(isAlive() ? 1 : 0);
  });
  const help = 'Memory that the container may use; no sample where it has no limit';
  gauge('memory_limit_bytes', help, [], async (limit) => {
    const bytes = memoryLimit(process.constrainedMemory(), totalmem());
    if (bytes === undefined) limit.remove();
    else limit.set(bytes);
  });
}

/** A limit as the system tells it, bytes; `undefined` where that is none: 0, or as much as the machine has. */
export function memoryLimit(constrained: number | undefined, total: number): number | undefined {
  return constrained !== undefined && constrained > 0 && constrained < total ? constrained : undefined;
}

/** How long a scrape waits for the file system, milliseconds: one on a network may hang. */
const SPACE_MS = 1_000;

/** Size and free space, bytes. */
interface Space {
  readonly size: number;
  readonly free: number;
}

/** The space of a scratch folder, as `scratchSpace` tells it; no samples where it can't be told, as before the folder is made. */
export function scratchMetrics(
  { gauge }: MetricsRegistry,
  { scratch, scratchSize }: { readonly scratch: string; readonly scratchSize?: number },
  clock: Clock,
): void {
  const gauges = {
    scratch_free_bytes: ["Free space of the scratch folder's file system, or of worker.scratchSize", 'free'],
    scratch_size_bytes: ["Size of the scratch folder's file system, or worker.scratchSize", 'size'],
  } as const;
  let asked: Promise<Space | undefined> | undefined;
  /** One answer for both, and no other question while the file system hangs. */
  const ask = () => {
    asked ??= scratchSpace(scratch, scratchSize)
      .catch(() => undefined)
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
  for (const [name, [help, key]] of Object.entries(gauges)) {
    gauge(name, help, [], async (space) => {
      const told = await within(clock, SPACE_MS, ask());
      if (told.done && told.value !== undefined) space.set(told.value[key]);
      else space.remove();
    });
  }
}

/** The space of a folder's file system, and no more than `limit` bytes of it, which the files below the folder use up. */
export async function scratchSpace(folder: string, limit = Number.POSITIVE_INFINITY): Promise<Space> {
  const { blocks, bavail, bsize } = await statfs(folder);
  const used = limit === Number.POSITIVE_INFINITY ? 0 : await bytesBelow(folder);
  return { size: Math.min(blocks * bsize, limit), free: Math.min(bavail * bsize, Math.max(0, limit - used)) };
}

/** Bytes of the disk that a folder's files take, at any depth; of one that goes meanwhile, or that is another user's, none. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(noneOfOthers([]));
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return bytesBelow(path);
      return (await lstat(path).catch(noneOfOthers({ blocks: 0 }))).blocks * STAT_BLOCK_BYTES;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What `blocks` of a `stat` counts in, whatever the file system's block is. */
const STAT_BLOCK_BYTES = 512;

function noneOfOthers<T>(none: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return none;
    throw error;
  };
}
