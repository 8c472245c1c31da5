import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
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
const STATFS_MS = 1_000;

/** The space of the file system that `folder` is on; no samples where it can't be told, as before the folder is made. */
export function scratchMetrics({ gauge }: MetricsRegistry, folder: string, clock: Clock): void {
  const sizes = {
    scratch_free_bytes: ["Free space of the scratch folder's file system", 'bavail'],
    scratch_size_bytes: ["Size of the scratch folder's file system", 'blocks'],
  } as const;
  for (const [name, [help, blocks]] of Object.entries(sizes)) {
    gauge(name, help, [], async (space) => {
      const told = await within(
        clock,
        STATFS_MS,
        statfs(folder).catch(() => undefined),
      );
      if (told.done && told.value !== undefined) space.set(told.value[blocks] * told.value.bsize);
      else space.remove();
    });
  }
}
