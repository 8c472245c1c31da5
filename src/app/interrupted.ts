import { MongolakeError } from '../shared/domain/errors.ts';

/** What a run ends with that is told to stop; `by` says what told it. */
export function interrupted(by: string, cause?: unknown): MongolakeError {
  return new MongolakeError('INTERRUPTED', `stopped by ${by}; nothing of the run is visible`, {
    hint: 'What is staged the next run finishes first; `mongolake discard` gives it up.',
    cause,
  });
}
