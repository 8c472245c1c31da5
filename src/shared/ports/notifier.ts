import type { Notification } from '../domain/notification.ts';

/** Tells people outside of what happens to tables. */
export interface Notifier {
  /** Sends it to whoever wants such an event, in the background and in order. Never throws, never waits. */
  notify(notification: Notification): void;
  /** Waits until all is sent, for `timeoutMs` at most, and gives up what is left then. Never rejects. */
  drain(timeoutMs: number): Promise<void>;
}
