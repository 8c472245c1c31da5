import { asMongolakeError, MongolakeError } from '../domain/errors.ts';
import { redact } from '../domain/redact.ts';
import type { JobError } from '../ports/queue.ts';

/** Failed jobs are kept for days: a message that quotes a whole answer must not fill Redis. */
const MESSAGE_CHARACTERS = 1_000;

/** Whether another try can help. An error that is not ours is a bug or a hiccup, and only trying again tells which. */
export function isRetryable(error: unknown): boolean {
  return error instanceof MongolakeError ? error.retryable : true;
}

/** What the queue keeps of a failure: no credentials, no cause. */
export function jobErrorOf(error: unknown): JobError {
  const { code, message, hint, retryable } = asMongolakeError(error);
  return { code, message: tidyMessage(message), ...(hint === undefined ? {} : { hint: tidyMessage(hint) }), retryable };
}

/** Cleaned, and cut to a bounded length. */
export function tidyMessage(text: string): string {
  const blanked = redact(text);
  return blanked.length <= MESSAGE_CHARACTERS ? blanked : `${blanked.slice(0, MESSAGE_CHARACTERS)}…`;
}
