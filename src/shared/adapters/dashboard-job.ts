import { bytesText } from '../domain/bytes-text.ts';
import type { JobProgress } from '../ports/queue.ts';
import { decodeFailure } from './queue-bullmq-failure.ts';

/** What BullMQ keeps of a job, as far as it is put into words here. */
export interface StoredJobView {
  readonly name: string;
  readonly data: unknown;
  readonly progress: unknown;
  readonly failedReason?: string | null | undefined;
  readonly returnvalue: unknown;
  readonly stacktrace?: readonly string[] | null | undefined;
}

/**
 * A job as people read it: `merge · guest.notifications · partition 3`, what it has done in words (also as its result, which
 * is shown beside the data), and code, message and hint of its failure as text. Data stays as it is: it can be edited.
 */
export function describeJob<T extends StoredJobView>(job: T): T {
  const { kind, pipeline, collection, ordinal, partition } = asRecord(job.data);
  const unit = kind === 'merge' ? `partition ${partition}` : `range ${ordinal}`;
  const known = kind === 'merge' || kind === 'extract';
  const progress = asRecord(job.progress) as Partial<JobProgress>;
  const counted = typeof progress.done === 'number' && typeof progress.bytes === 'number';
  const words = counted
    ? describeProgress(kind === 'extract' ? 'documents' : 'rows', progress as JobProgress)
    : undefined;
  return {
    ...job,
    ...(known ? { name: `${kind} · ${pipeline}.${collection} · ${unit}` } : {}),
    ...(words === undefined ? {} : { progress: words, returnvalue: words }),
    ...(job.failedReason ? describeFailure(job.failedReason, job.stacktrace) : {}),
  };
}

/** The data of a job without what its name and its id say already. */
export function unitOf(data: unknown): unknown {
  const { kind: _kind, id: _id, priority: _priority, ...unit } = asRecord(data);
  return unit;
}

function describeProgress(noun: string, { done, bytes }: JobProgress): string {
  return `${done.toLocaleString('en-US')} ${noun}, ${bytesText(bytes)}`;
}

/** The stack is for bugs: of any other failure code, message and hint are all there is to know. */
function describeFailure(reason: string, stacktrace: readonly string[] | null | undefined) {
  const { code, message, hint } = decodeFailure(reason);
  const failedReason = `${code}: ${message}${hint === undefined ? '' : `. ${hint}`}`;
  return { failedReason, stacktrace: code === 'INTERNAL' ? (stacktrace ?? []) : [] };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
