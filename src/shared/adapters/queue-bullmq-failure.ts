import { UnrecoverableError } from 'bullmq';
import type { JobError } from '../ports/queue.ts';
import { isRetryable, jobErrorOf, tidyMessage } from './queue-failure.ts';

const STACK_LINES = 8;

/**
 * The error to throw at BullMQ. Its message becomes the job's `failedReason`: JSON, so that `decodeFailure` gets code and hint
 * back. Its stack is what Bull Board shows in the job's Error tab, so that starts with the code and the message in plain words.
 */
export function bullFailure(error: unknown): Error {
  const kept = jobErrorOf(error);
  const text = JSON.stringify(kept);
  const failure = isRetryable(error) ? new Error(text) : new UnrecoverableError(text);
  const frames = (error instanceof Error ? (error.stack ?? '') : '').split('\n').filter((line) => /^\s+at /.test(line));
  const words = [`${kept.code}: ${kept.message}`, ...(kept.hint === undefined ? [] : [kept.hint])];
  failure.stack = [...words, ...frames.slice(0, STACK_LINES)].join('\n');
  return failure;
}

/** Reads a `failedReason` back. One that BullMQ wrote itself comes back as `JOB_FAILED` with its text. */
export function decodeFailure(reason: string | null | undefined): JobError {
  const parsed = parseKept(reason ?? '');
  if (parsed !== undefined) return parsed;
  if (reason?.includes('stalled')) {
    return {
      code: 'JOB_FAILED',
      message: 'the worker died on this job each time that it was tried',
      hint: 'Usually the memory limit: look at the last state of the worker pods, raise the limit or the partition count.',
      retryable: false,
    };
  }
  return { code: 'JOB_FAILED', message: tidyMessage(reason || 'the queue kept no reason'), retryable: false };
}

function parseKept(text: string): JobError | undefined {
  if (!text.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Not ours, then: a reason that only looks like JSON is shown as it is.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const kept = value as Partial<Record<keyof JobError, unknown>>;
  if (typeof kept.code !== 'string' || typeof kept.message !== 'string') return undefined;
  return {
    code: kept.code,
    message: kept.message,
    ...(typeof kept.hint === 'string' ? { hint: kept.hint } : {}),
    retryable: kept.retryable === true,
  };
}
