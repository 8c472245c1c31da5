import { expect, it } from 'vitest';
import { describeJob, unitOf } from '../../../src/shared/adapters/dashboard-job.ts';
import { MERGE_JOB } from './merge-job.ts';

const data = MERGE_JOB;
const { partition: _, ...rest } = data;
const job = { name: 'merge', data, progress: 0, failedReason: undefined, returnvalue: null, stacktrace: [] };

it('names a job by what it does, the table and its part', () => {
  expect(describeJob(job)).toEqual({ ...job, name: 'merge · guest.notifications · partition 3' });
  expect(describeJob({ ...job, data: { ...rest, kind: 'extract', ordinal: 0 } }).name).toBe(
    'extract · guest.notifications · range 0',
  );
});

it('leaves a job of somebody else as it is', () => {
  const foreign = { name: 'mail', data: 'to all', progress: 40, failedReason: '', returnvalue: 7, stacktrace: null };
  expect(describeJob(foreign)).toEqual(foreign);
  expect(unitOf('to all')).toEqual({});
});

it.each([
  [{ done: 12345, bytes: 4_200_000 }, '12,345 rows, 4.2 MB'],
  [{ done: 0, bytes: 0 }, '0 rows, 0 B'],
  [{ done: 1, bytes: 999 }, '1 rows, 999 B'],
  [{ done: 1000, bytes: 1000 }, '1,000 rows, 1.0 kB'],
  [{ done: 5, bytes: 7.25e16 }, '5 rows, 72500.0 TB'],
])('tells the progress %j in words, beside the data too', (progress, words) => {
  expect(describeJob({ ...job, progress })).toMatchObject({ progress: words, returnvalue: words });
});

it('an extract job counts documents', () => {
  const extract = { ...job, data: { ...rest, kind: 'extract', ordinal: 0 }, progress: { done: 2, bytes: 20 } };
  expect(describeJob(extract).progress).toBe('2 documents, 20 B');
});

it('tells a failure in words, and keeps the stack of bugs only', () => {
  const failed = (code: string) => ({
    ...job,
    failedReason: JSON.stringify({ code, message: 'no space', hint: 'Free some.', retryable: true }),
    stacktrace: ['at x'],
  });
  expect(describeJob(failed('SCRATCH'))).toMatchObject({
    failedReason: 'SCRATCH: no space. Free some.',
    stacktrace: [],
  });
  expect(describeJob(failed('INTERNAL')).stacktrace).toEqual(['at x']);
  expect(describeJob({ ...job, failedReason: 'job stalled more than allowable limit' }).failedReason).toContain(
    'the worker died on this job',
  );
});

it('shows of the data what says which table, run and part it is', () => {
  expect(unitOf(data)).toEqual({ pipeline: 'guest', collection: 'notifications', run: 'r1', partition: 3 });
});
