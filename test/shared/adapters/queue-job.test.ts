import { expect, test } from 'vitest';
import { jobFromData } from '../../../src/shared/adapters/queue-job.ts';

const job = { id: 'r-merge-1', kind: 'merge', pipeline: 'p', collection: 'c', run: 'r', partition: 1, priority: 0 };

test('a job comes back as it went', () => {
  expect(jobFromData(job)).toEqual(job);
});

test.each([
  ['nothing', null],
  ['another kind', { ...job, kind: 'shell' }],
  ['a run that is a path', { ...job, run: '../../other' }],
  ['a run that is none', { ...job, run: '' }],
  ['a run with a line of its own', { ...job, run: 'r\nerror forged' }],
  ['a partition below all', { ...job, partition: -1 }],
  ['a partition that is no number', { ...job, partition: '../1' }],
  ['a partition between two', { ...job, partition: 0.5 }],
  ['an unnamed table', { ...job, pipeline: { __proto__: 'p' } }],
])('%s is refused', (_name, data) => {
  expect(() => jobFromData(data)).toThrow('has data that this worker does not understand');
});
