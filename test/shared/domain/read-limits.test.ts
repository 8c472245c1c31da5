import { expect, test } from 'vitest';
import { readLimits } from '../../../src/shared/domain/read-limits.ts';

test.each([
  ['nothing is set', {}, 100, undefined],
  ['only so many at once', { maxConcurrentReads: 3 }, 100, { jobsAtOnce: 3 }],
  [
    'a rate is shared',
    { maxConcurrentReads: 8, documentsPerSecond: 1000 },
    100,
    { jobsAtOnce: 8, documentsPerSecond: 125 },
  ],
  [
    'by as many as there are',
    { maxConcurrentReads: 8, documentsPerSecond: 1000 },
    2,
    { jobsAtOnce: 8, documentsPerSecond: 500 },
  ],
  ['by four, where no number is given', { documentsPerSecond: 1000 }, 100, { jobsAtOnce: 4, documentsPerSecond: 250 }],
  ['one read has all of it', { documentsPerSecond: 1000 }, 1, { jobsAtOnce: 4, documentsPerSecond: 1000 }],
  [
    'it may be less than one each',
    { maxConcurrentReads: 4, documentsPerSecond: 1 },
    9,
    { jobsAtOnce: 4, documentsPerSecond: 0.25 },
  ],
])('%s', (_, settings, ranges, limits) => {
  expect(readLimits(settings, ranges)).toEqual(limits);
});
