import type { Outcome } from '../app/tables.ts';
import type { RunResult } from '../coordinator/carry-out.ts';
import { isSkipped } from '../coordinator/daemon.ts';
import { noticeOfFailure, noticesOfResult } from '../coordinator/notices.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { type Notice, notificationOf } from '../shared/domain/notification.ts';
import type { App } from './app.ts';

/** How long the end of a command waits for notifications to be delivered, milliseconds. */
export const NOTIFY_DRAIN_MS = 5_000;

/** Tells of what came of each table, one at a time; `drain` before the end. A command knows nothing of the one before it. */
export interface OutcomeTeller {
  tell(outcome: Outcome<RunResult>): void;
  drain(): Promise<void>;
}

/** Tells the configured webhooks; nobody where there are none. */
export function outcomeTeller({ clock, notifier: open }: Pick<App, 'clock' | 'notifier'>): OutcomeTeller {
  const notifier = open();
  return {
    tell(outcome) {
      for (const notice of noticesOf(outcome)) notifier?.notify(notificationOf(outcome.table, notice, clock.now()));
    },
    drain: async () => notifier?.drain(NOTIFY_DRAIN_MS),
  };
}

function noticesOf(outcome: Outcome<RunResult>): readonly Notice[] {
  if (!('error' in outcome)) return noticesOfResult({ figures: outcome.value, durationMs: outcome.value.durationMs });
  const error = asMongolakeError(outcome.error);
  return isSkipped(error) ? [] : [noticeOfFailure(error)];
}
