import { expect, test } from 'vitest';
import type { Column, ColumnType } from '../../../src/shared/domain/schema.ts';
import { CODE, FIXED_CODE } from '../../../src/shared/domain/value-class.ts';
import { ASK, columnsByCode, NO_COLUMN, routesOf } from '../../../src/worker/thread/routing.ts';

const LONG: ColumnType = { kind: 'long' };
const LONGS: ColumnType = { kind: 'array', element: LONG };
const DECIMAL: ColumnType = { kind: 'fixed', precision: 5, scale: 2 };

/** The columns of one field by the class of its value. */
function table(...types: readonly (ColumnType | 'whole')[]): (name: keyof typeof CODE) => number {
  const columns: Column[] = types.map((type, i) =>
    type === 'whole'
      ? { name: `c${i}`, source: 'f', type: { kind: 'json' }, whole: true }
      : { name: `c${i}`, source: 'f', type },
  );
  const byCode = columnsByCode(routesOf(columns).get('f') ?? []);
  expect(byCode.length).toBe(FIXED_CODE);
  return (name) => byCode[CODE[name]] as number;
}

test('a class goes to the first column that takes all of its values', () => {
  const of = table({ kind: 'string' }, LONG, { kind: 'json' });
  expect([of('string'), of('long'), of('json'), of('array')]).toEqual([0, 1, 2, 2]);
  expect([of('boolean'), of('struct')]).toEqual([NO_COLUMN, NO_COLUMN]);
});

test('what depends on the value is asked: arrays with elements, and whatever a decimal comes before', () => {
  const arrays = table(LONGS, { kind: 'json' });
  expect([arrays('array'), arrays('json')]).toEqual([ASK, 1]);
  const decimals = table(LONG, DECIMAL);
  expect([decimals('long'), decimals('string')]).toEqual([ASK, ASK]);
});

test('a column that takes the field whole takes all, and a field without columns has none', () => {
  const whole = table({ kind: 'string' }, 'whole');
  expect([whole('string'), whole('json'), whole('array')]).toEqual([1, 1, 1]);
  expect([...columnsByCode([])].every((column) => column === NO_COLUMN)).toBe(true);
});
