import fc from 'fast-check';
import { expect, test } from 'vitest';
import { doubleAt, int32At, uint32At } from '../../../src/shared/domain/little-endian.ts';

const around = fc.uint8Array({ minLength: 12, maxLength: 12 });

test('numbers are those that a DataView reads, wherever they lie', () => {
  fc.assert(
    fc.property(around, fc.nat(4), (bytes, at) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      expect(int32At(bytes, at)).toBe(view.getInt32(at, true));
      expect(uint32At(bytes, at)).toBe(view.getUint32(at, true));
      expect(doubleAt(bytes, at)).toBe(view.getFloat64(at, true));
    }),
    { numRuns: 2000 },
  );
});

test.each([0, -0, 1, -1.5, Number.MAX_VALUE, Number.MIN_VALUE, Number.POSITIVE_INFINITY, Number.NaN])('%d', (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  expect(doubleAt(bytes, 0)).toBe(value);
});
