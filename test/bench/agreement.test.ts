import { expect, it } from 'vitest';
import { disagreement } from '../../bench/agreement.ts';

it('a result must have the rows that are expected, one for each id, and be that of the others', () => {
  const state = { rows: 10, ids: 10, digest: '7' };
  expect(disagreement(state, 10, undefined)).toBeUndefined();
  expect(disagreement(state, 10, state)).toBeUndefined();
  expect(disagreement(state, 11, undefined)).toBe('10 rows, 11 are expected');
  expect(disagreement({ ...state, ids: 9 }, 10, undefined)).toBe('9 ids in 10 rows');
  expect(disagreement(state, 10, { ...state, digest: '8' })).toBe('the rows are not those of the contenders before');
});
