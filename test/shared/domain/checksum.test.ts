import { expect, test } from 'vitest';
import { checksumOf, startChecksum } from '../../../src/shared/domain/checksum.ts';

test('the CRC-32 of gzip and zip, as 8 hex digits', () => {
  // The check value of the polynomial, and one with a leading zero.
  expect(checksumOf('123456789')).toBe('cbf43926');
  expect(checksumOf(Buffer.from('123456789'))).toBe('cbf43926');
  expect(checksumOf('')).toBe('00000000');
  expect(checksumOf('codding')).toHaveLength(8);
});

test('the same whatever the pieces', () => {
  const sum = startChecksum();
  for (const piece of ['1234', '', '56', '789']) sum.add(Buffer.from(piece));
  expect(sum.text).toBe(checksumOf('123456789'));
});
