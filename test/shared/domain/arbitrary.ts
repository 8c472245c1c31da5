import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import fc from 'fast-check';

/** A document whose fields keep their order, `__proto__` and `1` included. */
export type Fields = Map<string, unknown>;

const EDGES = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 53, -(2 ** 53), 2 ** 53 - 1];

export const int32: fc.Arbitrary<Int32> = fc
  .oneof(fc.integer({ min: -3, max: 3 }), fc.integer())
  .map((value) => new Int32(value));

export const int64: fc.Arbitrary<Long> = fc
  .oneof(
    fc.bigInt({ min: -3n, max: 3n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), -(2n ** 53n) - 1n),
  )
  .map((value) => Long.fromBigInt(value));

export const double: fc.Arbitrary<Double> = fc
  .oneof(
    fc.constantFrom(...EDGES, -0, Number.NaN, Infinity, -Infinity, 0.5, 1e300, 5e-324, 2 ** 63, -(2 ** 63)),
    fc.integer({ min: -3, max: 3 }),
    fc.double(),
  )
  .map((value) => new Double(value));

export const decimal: fc.Arbitrary<Decimal128> = fc
  .oneof(
    fc.constantFrom(
      '0',
      '-0',
      '1',
      '1.0',
      '1.00',
      '1E+1',
      '10',
      '0.5',
      '0.50',
      'NaN',
      'Infinity',
      '-Infinity',
      '1E+6000',
    ),
    fc
      .tuple(fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }), fc.integer({ min: -40, max: 40 }))
      .map(([digits, power]) => `${digits}E${power}`),
    fc.integer().map(String),
  )
  .map((value) => Decimal128.fromString(value));

export const date: fc.Arbitrary<Date> = fc
  .oneof(
    fc.constantFrom(0, -1, -62_135_596_800_000, -62_135_596_800_001, 253_402_300_799_999, 253_402_300_800_000),
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
  )
  .map((value) => new Date(value));

export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'true',
    'null',
    '{',
    '[]',
    '"',
    '1',
    '{"$oid":"0123456789abcdef01234567"}',
    '\u0000',
    '😀',
    '\uffff',
    '\ufffd',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 8 }),
);

/** A field's name: no NUL, which BSON can't hold. */
export const fieldNames: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'b', 'c', 'A', 'a b', 'a_b', '1', '$oid', '__proto__', 'constructor', 'ä', ''),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }).map((name) => name.replaceAll('\0', '0')) },
);

export const objectId: fc.Arbitrary<ObjectId> = fc
  .uint8Array({ minLength: 12, maxLength: 12 })
  .map((bytes) => new ObjectId(bytes));

const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new UUID(bytes));
const binary = fc
  .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 5, 0x80))
  .map(([bytes, subType]) => new Binary(bytes, subType));
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** What only EJSON can hold. */
export const rare: fc.Arbitrary<unknown> = fc.oneof(
  fc
    .tuple(text, fc.constantFrom('', 'i', 'im'))
    .map(([pattern, options]) => new BSONRegExp(pattern.replaceAll('\0', '0'), options)),
  text.map((code) => new Code(code)),
  text.map((code) => new Code(code, { x: new Int32(1) })),
  fc.tuple(uint32, uint32).map(([t, i]) => new Timestamp({ t, i })),
  fc.constant(new MinKey()),
  fc.constant(new MaxKey()),
);

export const scalar: fc.Arbitrary<unknown> = fc.oneof(
  text,
  text.map((value) => new BSONSymbol(value)),
  objectId,
  uuid,
  binary,
  int32,
  int64,
  double,
  decimal,
  fc.boolean(),
  date,
  fc.constant(null),
  rare,
);

/** Any BSON value, nested up to three levels, whose objects have fields of these names. */
export function valueWith(names: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown; fields: Fields }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      { weight: 4, arbitrary: scalar },
      { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
      { weight: 1, arbitrary: tie('fields') },
    ),
    fields: fc
      .uniqueArray(fc.tuple(names, tie('value')), { maxLength: 4, selector: ([name]) => name })
      .map((pairs) => new Map(pairs)),
  })).value;
}

/** Any BSON value, nested up to three levels. */
export const value: fc.Arbitrary<unknown> = valueWith(fieldNames);
