import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { openTable } from './log.ts';

/** Every so many versions a checkpoint is written. It only saves readers time: one that fails is tried again after the next commit. */
export async function writeCheckpointIfDue(
  version: number,
  settings: { readonly checkpointInterval: number; readonly retention: number },
  context: { readonly storage: Storage; readonly clock: Clock; readonly logger: Logger; readonly scratch: string },
): Promise<void> {
  if (version === 0 || version % settings.checkpointInterval !== 0) return;
  const { storage, clock, logger, scratch } = context;
  try {
    const opened = await openTable(storage);
    if (opened === undefined) return;
    const written = await writeCheckpoint(storage, opened.snapshot, clock.now(), settings.retention, scratch);
    logger.info('checkpoint written', { version: written.version, bytes: written.size });
  } catch (error) {
    logger.warn('the checkpoint could not be written; readers replay the log until the next one', {
      error: (error as Error).message,
    });
  }
}
