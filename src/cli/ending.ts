import { interrupted } from '../app/interrupted.ts';
import { systemClock } from '../shared/adapters/clock-system.ts';
import { EXIT } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';

/** How a process ends that is told to stop: in order, but by a certain time. */

/** How long an end in order may take once the drain is over: giving back jobs and leases, closing what is open. */
const END_MS = 12_000;
/** How long sockets that nobody waits for any more may keep a process that has said all. */
const LEAVE_MS = 500;

let told = false;

/**
 * Heeds SIGINT and SIGTERM from now on: the first process of a container would not end by them otherwise. The first one aborts what
 * is returned, a second one ends the process at once. Until there is a log the configuration is being read, and nothing needs an end
 * in order.
 */
export function interruption(log: () => Logger | undefined): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    const logger = log();
    if (logger === undefined || controller.signal.aborted) process.exit(EXIT.interrupted);
    told = true;
    logger.info(`${name}: stopping; once more to stop at once`);
    controller.abort(interrupted(name));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

/** Ends the process some time after the signal in any case: what does not answer must not keep it. */
export function endInTime(signal: AbortSignal, clock: Clock, logger: Logger, drainTimeoutMs: number): void {
  const end = async () => {
    await clock.sleep(drainTimeoutMs + END_MS, undefined, { background: true });
    logger.error('something does not answer and keeps the process from ending in order: it ends now');
    process.exit(EXIT.interrupted);
  };
  signal.addEventListener('abort', () => void end(), { once: true });
}

/** The command has ended. Where that was by a signal, a socket that waits for a dead peer keeps the process for a moment only. */
export async function leave(): Promise<void> {
  if (!told) return;
  await systemClock().sleep(LEAVE_MS, undefined, { background: true });
  process.exit();
}
