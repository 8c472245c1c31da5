/** A service that can't be had on this machine. `reason` is one line for a person: what is missing and how to provide it. */
export interface Unavailable {
  readonly available: false;
  readonly reason: string;
  /** It takes so long to build that it is only built where someone asks for it: that it is absent is never a failure. */
  readonly onRequest?: true;
}

/** What every starter returns: the service, or why there is none. Starters throw only for a bug of their own. */
export type Started<T extends { readonly available: true }> = T | Unavailable;

/** An absent service with its reason, cut to one line of at most 500 characters. */
export function unavailable(reason: string, more: Pick<Unavailable, 'onRequest'> = {}): Unavailable {
  return { available: false, reason: reason.replace(/\s+/g, ' ').trim().slice(0, 500), ...more };
}

/** Runs a starter; an error that it throws becomes the reason, after `what`. */
export async function orUnavailable<T extends { readonly available: true }>(
  what: string,
  start: () => Promise<Started<T>>,
): Promise<Started<T>> {
  try {
    return await start();
  } catch (error) {
    return unavailable(`${what}: ${messageOf(error)}`);
  }
}

/** The service itself. Throws with the reason where it is unavailable; for scripts and tests that can't go on without it. */
export function required<T extends { readonly available: true }>(started: Started<T>): T {
  if (!started.available) throw new Error(started.reason);
  return started;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An AggregateError (Node's "both addresses refused") has an empty message.
  return error.message || ('code' in error ? String(error.code) : error.name);
}
