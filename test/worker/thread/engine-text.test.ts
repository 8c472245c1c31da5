import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { documentOf, element, int32, text } from '../../shared/domain/bson-bytes.ts';
import { rowsOf } from './inspect.ts';
import { load } from './load.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  /** "ü" in Latin-1, an unpaired surrogate, and a long text with one byte too few at its end. */
  const LATIN = Buffer.from([0xfc]);
  const SURROGATE = Buffer.from([0xed, 0xa0, 0xbd]);
  const CUT = Buffer.concat([Buffer.from('x'.repeat(1000)), Buffer.from('😀').subarray(0, 3)]);

  const invalid = (bytes: Buffer) => `{"$invalidUtf8":"${bytes.toString('base64')}"}`;
  const string = (name: string, value: string | Buffer) => element(BSON.string, name, text(value));
  const id = (value: number) => element(BSON.int32, '_id', int32(value));
  const list = (...values: (string | Buffer)[]) => documentOf(values.map((value, i) => string(String(i), value)));

  describe('text that is not UTF-8', () => {
    test('goes to a JSON sibling by its bytes, beside the text of its field', async () => {
      const values = ['ü', LATIN, SURROGATE, CUT, '\ufffd', '\ufeff'];
      const { kinds, rows } = await load(
        table,
        values.map((value, i) => documentOf([id(i), string('a', value)])),
      );
      expect(kinds).toEqual(['a: json', 'a__string: string']);
      expect(rows).toEqual([
        { a__string: 'ü' },
        { a: invalid(LATIN) },
        { a: invalid(SURROGATE) },
        { a: invalid(CUT) },
        { a__string: '\ufffd' },
        { a__string: '\ufeff' },
      ]);
    });

    test('in a committed text column, an object, an array', async () => {
      const shape = (value: string | Buffer) => [
        string('a', value),
        element(BSON.object, 's', documentOf([string('x', value), string('y', 'y')])),
        element(BSON.array, 'l', list('x', value)),
        element(BSON.symbol, 'y', text(value)),
      ];
      await table.sync([[documentOf([id(0), ...shape('ü')])]]);
      const { kinds, rows } = await load(table, [documentOf([id(1), ...shape(LATIN)])]);
      expect(kinds).toEqual([
        'a: string',
        's: struct',
        'l: array<string>',
        'y: string',
        'a__json: json',
        'l__json: json',
        'y__json: json',
      ]);
      expect(rows).toEqual([
        { a: 'ü', s: { x: 'ü', y: 'y', x__json: null }, l: ['x', 'ü'], y: 'ü' },
        {
          a__json: invalid(LATIN),
          s: { x: null, y: 'y', x__json: invalid(LATIN) },
          l__json: `["x",${invalid(LATIN)}]`,
          y__json: `{"$symbol":${invalid(LATIN)}}`,
        },
      ]);
    });

    test('in an array from the start makes it one of EJSON', async () => {
      const { kinds, rows } = await load(table, [documentOf([id(0), element(BSON.array, 'l', list('x', LATIN))])]);
      expect(kinds).toEqual(['l: array<json>']);
      expect(rows).toEqual([{ l: ['"x"', invalid(LATIN)] }]);
    });

    test('as an _id, beside the string that is written the same', async () => {
      const ids = [string('_id', 'x'), string('_id', LATIN), string('_id', invalid(LATIN)), string('_id', SURROGATE)];
      const compound = element(BSON.object, '_id', documentOf([string('k', LATIN)]));
      const documents = [...ids, compound, string('_id', 'y')].map((each, i) =>
        documentOf([each, element(BSON.int32, 'a', int32(i))]),
      );
      await load(table, documents);
      const rows = await rowsOf(table);
      expect(new Map(rows.map((row) => [row._id, row.a]))).toEqual(
        new Map([
          ['x', 0n],
          [invalid(LATIN), 1n],
          [JSON.stringify(invalid(LATIN)), 2n],
          [invalid(SURROGATE), 3n],
          [`{"k":${invalid(LATIN)}}`, 4n],
          ['y', 5n],
        ]),
      );
    });

    test('other bytes are another value', async () => {
      await table.sync([[documentOf([id(0), string('a', LATIN)])]]);
      expect((await table.sync([[documentOf([id(0), string('a', SURROGATE)])]])).counts.updated).toBe(1);
      expect(await rowsOf(table)).toEqual([{ _id: 0n, a: invalid(SURROGATE) }]);
    });
  });

  describe('field names', () => {
    test('of every kind, at every level', async () => {
      const names = [
        '',
        '$x',
        'a.b',
        '.',
        ' ',
        'ä',
        'Ä',
        '😀',
        'a\n\t=,;{}()b',
        'n'.repeat(5000),
        '"',
        '`',
        '\\',
        '%20',
        '_id_',
      ];
      const fields = (value: number) => new Map(names.map((name) => [name, value]));
      const { rows } = await load(table, [
        new Map<string, unknown>([['_id', 0], ...fields(1), ['s', fields(2)], ['l', [fields(3)]]]) as never,
      ]);
      const { columns } = table.schema();
      expect(columns.map(({ source }) => source)).toEqual([...names, 's', 'l']);
      const shown = (value: bigint) => Object.fromEntries(columns.slice(0, -2).map(({ name }) => [name, value]));
      expect(rows).toEqual([{ ...shown(1n), s: shown(2n), l: [shown(3n)] }]);
      expect(columns.map(({ name }) => name).slice(0, 9)).toEqual([
        '_',
        '$x',
        'a.b',
        '.',
        '__2',
        'ä',
        'Ä_2',
        '😀',
        'a_________b',
      ]);
    });
  });

  describe('a NaN', () => {
    /** A double of these bits, in field `d`, an array and an object. */
    const document = (bits: bigint) => {
      const double = (name: string) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(bits);
        return element(BSON.double, name, bytes);
      };
      return documentOf([
        id(0),
        double('d'),
        element(BSON.array, 'l', documentOf([double('0')])),
        element(BSON.object, 's', documentOf([double('x')])),
      ]);
    };
    const NAN = 0x7ff8000000000000n;

    test.each([
      ['the same bits', NAN],
      ['a sign', 0xfff8000000000000n],
      ['a payload', 0x7ff8000000000001n],
      ['a signalling one', 0x7ff0000000000001n],
    ])('is no change to a NaN: %s', async (_, bits) => {
      await table.sync([[document(NAN)]]);
      expect((await table.sync([[document(bits)]])).counts).toMatchObject({ unchanged: 1, updated: 0 });
      const other = localTable(engine);
      await other.sync([[document(bits)]]);
      expect(await rowsOf(other)).toEqual([{ _id: 0n, d: Number.NaN, l: [Number.NaN], s: { x: Number.NaN } }]);
      other.remove();
    });

    test('is a change to a number, and from one', async () => {
      await table.sync([[document(NAN)]]);
      expect((await table.sync([[document(0n)]])).counts.updated).toBe(1);
      expect((await table.sync([[document(NAN)]])).counts.updated).toBe(1);
    });
  });
});
