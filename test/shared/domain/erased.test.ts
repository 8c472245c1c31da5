import { expect, test } from 'vitest';
import { erasedIds, hasDigest } from '../../../src/shared/domain/erased.ts';

const digest = (n: number) => n.toString(16).padStart(64, '0');

test('tells each digest that is on the list, and no other, in whatever order they were listed', () => {
  const listed = Array.from({ length: 101 }, (_, n) => 3 * ((n * 37) % 101));
  const ids = erasedIds({ salt: '00', digests: listed.map(digest) });
  for (let n = -1; n < 310; n++) expect(hasDigest(ids, digest(Math.max(n, 0)))).toBe(listed.includes(Math.max(n, 0)));
  expect(hasDigest(erasedIds({ salt: '00', digests: [] }), digest(1))).toBe(false);
});
