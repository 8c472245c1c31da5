import { Decimal128, type Document, Double, deserialize, EJSON, Int32, Long } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { canonicalJson, identityJson } from '../../../src/shared/domain/ejson.ts';
import { value } from './arbitrary.ts';
import { bson, documentOf, element, int32, type Placed, placed, placedRaw, text } from './bson-bytes.ts';

const canonical = ({ bytes, type, at, end }: Placed) => canonicalJson(bytes, type, at, end);
const identity = ({ bytes, type, at, end }: Placed) => identityJson(bytes, type, at, end);

/** An unpaired surrogate, as Java's modified UTF-8 writes it. */
const BAD = Buffer.from([0xed, 0xa0, 0xbd]);
const INVALID = '{"$invalidUtf8":"7aC9"}';

function scopedCode(code: Buffer, inScope: Buffer): Placed {
  const scope = documentOf([element(BSON.string, 's', text(inScope))]);
  const body = text(code);
  return placedRaw(BSON.codeWithScope, Buffer.concat([int32(4 + body.length + scope.length), body, scope]));
}

describe('canonicalJson', () => {
  test.each([
    [new Int32(-5), '{"$numberInt":"-5"}'],
    [Long.MIN_VALUE, '{"$numberLong":"-9223372036854775808"}'],
    [new Double(1), '{"$numberDouble":"1.0"}'],
    [new Double(-0), '{"$numberDouble":"-0.0"}'],
    [new Double(0.1), '{"$numberDouble":"0.1"}'],
    [new Double(1e21), '{"$numberDouble":"1e+21"}'],
    [new Double(Number.NaN), '{"$numberDouble":"NaN"}'],
    [new Double(-Infinity), '{"$numberDouble":"-Infinity"}'],
    [Decimal128.fromString('1.00'), '{"$numberDecimal":"1.00"}'],
    ['a"\\\n\u0000😀', '"a\\"\\\\\\n\\u0000😀"'],
    [new Date(-1), '{"$date":{"$numberLong":"-1"}}'],
    [undefined, 'null'],
    [[], '[]'],
    [{}, '{}'],
    [[new Int32(1), { a: null }], '[{"$numberInt":"1"},{"a":null}]'],
  ])('%s', (given, expected) => {
    expect(canonical(placed(given))).toBe(expected);
  });

  test('the deprecated types', () => {
    expect(canonical(placedRaw(BSON.undefined, Buffer.alloc(0)))).toBe('{"$undefined":true}');
    expect(canonical(placedRaw(BSON.symbol, text('s')))).toBe('{"$symbol":"s"}');
    const pointer = Buffer.concat([text('db.c'), Buffer.from('0123456789abcdef01234567', 'hex')]);
    expect(canonical(placedRaw(BSON.dbPointer, pointer))).toBe(
      '{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"0123456789abcdef01234567"}}}',
    );
  });

  test.each([
    ['a string', placedRaw(BSON.string, text(BAD)), `${INVALID}`],
    ['a symbol', placedRaw(BSON.symbol, text(BAD)), `{"$symbol":${INVALID}}`],
    ['code', placedRaw(BSON.code, text(BAD)), `{"$code":${INVALID}}`],
    [
      'a pattern',
      placedRaw(BSON.regex, Buffer.concat([BAD, Buffer.from([0]), Buffer.from('i\0')])),
      `{"$regularExpression":{"pattern":${INVALID},"options":"i"}}`,
    ],
    [
      'regex options',
      placedRaw(BSON.regex, Buffer.concat([Buffer.from('a\0'), BAD, Buffer.from([0])])),
      `{"$regularExpression":{"pattern":"a","options":${INVALID}}}`,
    ],
    [
      'a pointer',
      placedRaw(BSON.dbPointer, Buffer.concat([text(BAD), Buffer.alloc(12)])),
      `{"$dbPointer":{"$ref":${INVALID},"$id":{"$oid":"${'00'.repeat(12)}"}}}`,
    ],
    ['scoped code', scopedCode(BAD, BAD), `{"$code":${INVALID},"$scope":{"s":${INVALID}}}`],
    ['an element', placedRaw(BSON.array, documentOf([element(BSON.string, '0', text(BAD))])), `[${INVALID}]`],
  ])('%s that is not UTF-8 is written by its bytes', (_, given, expected) => {
    expect(canonical(given)).toBe(expected);
    if (given.type !== BSON.symbol) expect(identity(given)).toBe(expected);
  });

  test('keeps the order of fields, names that JavaScript knows, and a field twice', () => {
    const bytes = documentOf(
      ['b', '2', '1', '__proto__', 'b'].map((name) => element(BSON.null, name, Buffer.alloc(0))),
    );
    expect(canonicalJson(bytes, BSON.object, 0, bytes.length)).toBe(
      '{"b":null,"2":null,"1":null,"__proto__":null,"b":null}',
    );
  });

  test('takes an object for what it is, whatever its fields are called', () => {
    const fields = Object.entries({ _bsontype: 'ObjectId', $ref: 'x', $id: new Int32(1) });
    expect(canonical(placed(new Map(fields)))).toBe('{"_bsontype":"ObjectId","$ref":"x","$id":{"$numberInt":"1"}}');
  });

  test('is what the bson library writes, wherever that keeps all of a value', () => {
    fc.assert(
      fc.property(value, (given) => {
        fc.pre(!namesOf(given).some((name) => /^\d+$|^\$|^__proto__$/.test(name)));
        const own = canonical(placed(given));
        const bytes = bson(new Map([['v', given]]) as unknown as Document);
        const options = { promoteValues: false, promoteBuffers: false, bsonRegExp: true };
        expect(own).toBe(EJSON.stringify(deserialize(bytes, options).v, { relaxed: false }));
      }),
      { numRuns: 1000 },
    );
  });

  test('is always JSON', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(() => JSON.parse(canonical(placed(given)))).not.toThrow();
      }),
    );
  });
});

function namesOf(given: unknown): string[] {
  if (Array.isArray(given)) return given.flatMap(namesOf);
  if (!(given instanceof Map)) return [];
  return [...given].flatMap(([name, child]) => [name, ...namesOf(child)]);
}

describe('identityJson', () => {
  test('writes every number in one text, at any depth', () => {
    const forms = [new Int32(1), Long.ONE, new Double(1), Decimal128.fromString('1.00')];
    expect(forms.map((form) => identity(placed({ a: [form] })))).toEqual(
      forms.map(() => '{"a":[{"$numberLong":"1"}]}'),
    );
  });

  test('an object that looks like a value is wrapped', () => {
    expect(identity(placed({ $numberLong: '1' }))).toBe('{"$document":{"$numberLong":"1"}}');
    expect(identity(placed({ a: { $oid: 'x' } }))).toBe('{"a":{"$document":{"$oid":"x"}}}');
    expect(identity(placed({ $document: {} }))).toBe('{"$document":{"$document":{}}}');
    expect(identity(placed({ $invalidUtf8: '7aC9' }))).toBe('{"$document":{"$invalidUtf8":"7aC9"}}');
  });

  test('a scope within code is written by the same rule', () => {
    const scoped = (number: Buffer, type: number) => {
      const scope = documentOf([element(type, 'x', number)]);
      const code = text('f');
      const length = Buffer.alloc(4);
      length.writeInt32LE(4 + code.length + scope.length);
      return identity(placedRaw(BSON.codeWithScope, Buffer.concat([length, code, scope])));
    };
    const double = Buffer.alloc(8);
    double.writeDoubleLE(1);
    expect(scoped(double, BSON.double)).toBe('{"$code":"f","$scope":{"x":{"$numberLong":"1"}}}');
  });
});
