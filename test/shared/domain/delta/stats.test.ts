import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bound,
  type ColumnStats,
  lowerString,
  numRecords,
  STRING_PREFIX,
  statsJson,
  upperString,
} from '../../../../src/shared/domain/delta/stats.ts';

const micros = (iso: string, more = 0n): Bound => ({ micros: BigInt(Date.parse(iso)) * 1000n + more });
const column = (min: Bound, max: Bound, more: Partial<ColumnStats> = {}): string =>
  statsJson({ numRecords: 2, columns: [{ path: ['c'], min, max, nullCount: 0, ...more }] });
const bounds = (mins: string, maxs: string): string =>
  `{"numRecords":2,"minValues":{${mins}},"maxValues":{${maxs}},"nullCount":{"c":0}}`;

describe('statsJson', () => {
  it('nests columns as the schema does', () => {
    const json = statsJson({
      numRecords: 3,
      columns: [
        { path: ['_id'], min: 'a', max: 'b', nullCount: 0 },
        { path: ['guest', 'name', 'first'], min: 'x', max: 'y', nullCount: 1 },
        { path: ['guest', 'age'], min: 1n, max: 9n, nullCount: 2n },
        { path: ['tags'], nullCount: 3 },
      ],
    });
    expect(json).toBe(
      '{"numRecords":3,' +
        '"minValues":{"_id":"a","guest":{"name":{"first":"x"},"age":1}},' +
        '"maxValues":{"_id":"b","guest":{"name":{"first":"y"},"age":9}},' +
        '"nullCount":{"_id":0,"guest":{"name":{"first":1},"age":2},"tags":3}}',
    );
  });

  it('takes any column name', () => {
    const columns = [{ path: ['__proto__', 'a"b'], min: 1n, max: 1n, nullCount: 0 }];
    expect(statsJson({ numRecords: 1, columns })).toBe(
      '{"numRecords":1,"minValues":{"__proto__":{"a\\"b":1}},"maxValues":{"__proto__":{"a\\"b":1}},"nullCount":{"__proto__":{"a\\"b":0}}}',
    );
  });

  it('writes 64-bit integers exactly', () => {
    expect(column(-(2n ** 63n), 2n ** 63n - 1n)).toBe(bounds('"c":-9223372036854775808', '"c":9223372036854775807'));
    expect(column(0n, 0n)).toBe(bounds('"c":0', '"c":0'));
  });

  it('gives zero of a double the sign that bounds both zeros', () => {
    expect(column(0, 0)).toBe(bounds('"c":-0.0', '"c":0.0'));
    expect(column(-0, -0)).toBe(bounds('"c":-0.0', '"c":0.0'));
    expect(column(-1.5, 5e-324)).toBe(bounds('"c":-1.5', '"c":5e-324'));
  });

  it('gives no bound where a NaN is present, and none that is infinite', () => {
    expect(column(1, 2, { hasNaN: true })).toBe(bounds('', ''));
    expect(column(Number.NaN, 2)).toBe(bounds('', ''));
    expect(column(1, Number.NaN)).toBe(bounds('', ''));
    expect(column(Number.NEGATIVE_INFINITY, 2)).toBe(bounds('', '"c":2'));
    expect(column(1, Number.POSITIVE_INFINITY)).toBe(bounds('"c":1', ''));
  });

  it('widens timestamps to the millisecond', () => {
    const at = '2026-01-02T03:04:05.678Z';
    expect(column(micros(at, 1n), micros(at, 1n))).toBe(bounds(`"c":"${at}"`, '"c":"2026-01-02T03:04:05.679Z"'));
    expect(column(micros(at), micros(at))).toBe(bounds(`"c":"${at}"`, `"c":"${at}"`));
    const before1970 = '1969-12-31T23:59:59.999Z';
    expect(column(micros(before1970, 1n), micros(before1970, -1n))).toBe(
      bounds(`"c":"${before1970}"`, `"c":"${before1970}"`),
    );
  });

  it('gives no timestamp outside the years that readers know', () => {
    expect(column(micros('0001-01-01T00:00:00Z'), micros('9999-12-31T23:59:59.999Z'))).toBe(
      bounds('"c":"0001-01-01T00:00:00.000Z"', '"c":"9999-12-31T23:59:59.999Z"'),
    );
    expect(column(micros('0001-01-01T00:00:00Z', -1n), micros('9999-12-31T23:59:59.999Z', 1n))).toBe(bounds('', ''));
  });

  it('is valid JSON for any names and values', { timeout: 60_000 }, () => {
    const bound: fc.Arbitrary<Bound> = fc.oneof(
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.string({ unit: 'binary' }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((micros) => ({ micros })),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), bound, bound, (name, min, max) => {
        const json = statsJson({ numRecords: 1, columns: [{ path: ['s', name], min, max, nullCount: 0 }] });
        expect(JSON.parse(json)).toHaveProperty('numRecords', 1);
      }),
    );
  });
});

const utf8 = (value: string): Buffer => Buffer.from(value, 'utf8');
const last = '\u{10ffff}';

describe('string bounds', () => {
  it('are the string itself up to 32 characters', () => {
    const whole = `${'é'.repeat(STRING_PREFIX - 1)}😀`;
    expect(lowerString(whole)).toBe(whole);
    expect(upperString(whole)).toBe(whole);
    expect(upperString(last.repeat(STRING_PREFIX))).toBe(last.repeat(STRING_PREFIX));
  });

  it('cut longer ones between characters and raise the last of the upper one', () => {
    const emoji = '😀'.repeat(40);
    expect(lowerString(emoji)).toBe('😀'.repeat(32));
    expect(upperString(emoji)).toBe(`${'😀'.repeat(31)}😁`);
    expect(upperString('a'.repeat(33))).toBe(`${'a'.repeat(31)}b`);
  });

  it('step over the surrogates and over characters that can not be raised', () => {
    expect(upperString(`${'a'.repeat(31)}\ud7ffx`)).toBe(`${'a'.repeat(31)}\ue000`);
    expect(upperString(`${'a'.repeat(30)}b${last}x`)).toBe(`${'a'.repeat(30)}c`);
    expect(upperString(`${'a'.repeat(31)}\uffffx`)).toBe(`${'a'.repeat(31)}\u{10000}`);
    expect(upperString(last.repeat(33))).toBeUndefined();
  });

  it('are bounds in the order of UTF-8 bytes, for any two strings', { timeout: 60_000 }, () => {
    const character = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom('a', '\u0000', '\u007f', '\ud7ff', '\ue000', '\uffff', '\u{10000}', last, '\ud800', '\udfff'),
    );
    const string = fc.array(character, { maxLength: 70 }).map((parts) => parts.join(''));
    const prefixed = fc
      .tuple(fc.constantFrom('', last.repeat(31), 'a'.repeat(31)), string)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(prefixed, prefixed, (a, b) => {
        const [min, max] = Buffer.compare(utf8(a), utf8(b)) <= 0 ? [a, b] : [b, a];
        const lower = lowerString(min);
        const upper = upperString(max);
        for (const value of [a, b]) {
          expect(Buffer.compare(utf8(lower), utf8(value))).toBeLessThanOrEqual(0);
          if (upper !== undefined) expect(Buffer.compare(utf8(upper), utf8(value))).toBeGreaterThanOrEqual(0);
        }
        for (const bound of [lower, upper ?? '']) {
          expect([...bound].length).toBeLessThanOrEqual(STRING_PREFIX);
          expect(utf8(bound).toString()).toBe(bound);
        }
        // Only a maximum of nothing but last characters has no bound.
        if (upper === undefined) expect(max.startsWith(last.repeat(STRING_PREFIX))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('numRecords', () => {
  it.each([
    ['ours', statsJson({ numRecords: 7, columns: [{ path: ['numRecords'], min: 1n, max: 2n, nullCount: 0 }] }), 7],
    ['no more than it', '{"numRecords":12}', 12],
    ['elsewhere, as another writer has it', '{ "nullCount": {"a": 1}, "numRecords": 3 }', 3],
    ['a column of that name only', '{"minValues":{"numRecords":9}}', 0],
    ['none', undefined, 0],
  ])('%s', (_, stats, expected) => {
    expect(numRecords(stats)).toBe(expected);
  });
});
