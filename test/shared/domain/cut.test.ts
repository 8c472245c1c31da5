import { createHash } from 'node:crypto';
import { Decimal128, Double, deserialize, Int32, Long, ObjectId } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { policyFaults } from '../../../src/shared/config/columns-check.ts';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { createCut, hashedText } from '../../../src/shared/domain/cut.ts';
import { identityJson } from '../../../src/shared/domain/ejson.ts';
import { type ColumnPolicy, isWithin, keptPaths } from '../../../src/shared/domain/policy.ts';
import { type Fields, valueWith } from './arbitrary.ts';
import { bson, documentOf, element, int32, nestedArrays, type Placed, placed, text } from './bson-bytes.ts';

const CURSOR = 'updateTime';
const digest = (value: string) => createHash('sha256').update(value, 'utf8').digest('hex');
const cutOf = (policy: ColumnPolicy) => createCut(policy, CURSOR, digest);
const cut = (policy: ColumnPolicy, document: object) =>
  deserialize(cutOf(policy)(bson(document), 0), { promoteValues: false });
const plain = (policy: ColumnPolicy, document: object) => deserialize(cutOf(policy)(bson(document), 0));

describe('exclude', () => {
  test('leaves out fields at any depth, through arrays of arrays', () => {
    const guest = { name: 'n', email: 'e' };
    const document = {
      _id: 1,
      email: 'stays',
      guest,
      guests: [guest, 5, null, [guest, [guest]]],
      'guests.email': 'stays',
    };
    expect(plain({ exclude: ['guest.email', 'guests.email'] }, document)).toEqual({
      _id: 1,
      email: 'stays',
      guest: { name: 'n' },
      guests: [{ name: 'n' }, 5, null, [{ name: 'n' }, [{ name: 'n' }]]],
      'guests.email': 'stays',
    });
  });

  test('leaves out every field of the name where there are several', () => {
    const twice = documentOf([
      element(BSON.int32, '_id', int32(1)),
      element(BSON.string, 'a', text('one')),
      element(BSON.int32, 'b', int32(2)),
      element(BSON.string, 'a', text('two')),
    ]);
    expect(deserialize(cutOf({ exclude: ['a'] })(twice, 0))).toEqual({ _id: 1, b: 2 });
  });

  test('gives a view where nothing applies', () => {
    const bytes = Buffer.concat([bson({ x: 1 }), bson({ _id: 1, a: 'b' })]);
    const at = bytes.readInt32LE(0);
    const same = cutOf({ exclude: ['b'], hash: ['c'] })(bytes, at);
    expect(same).toEqual(bytes.subarray(at));
    expect(same.buffer).toBe(bytes.buffer);
  });

  test('reads a document in the middle of others', () => {
    const bytes = Buffer.concat([bson({ x: 1 }), bson({ _id: 1, a: 'b', c: 2 }), bson({ y: 1 })]);
    expect(deserialize(cutOf({ exclude: ['a'] })(bytes, bytes.readInt32LE(0)))).toEqual({ _id: 1, c: 2 });
  });
});

describe('include', () => {
  test('keeps what is named, _id and the cursor field', () => {
    const document = { _id: 1, a: { b: 1, c: 2 }, d: 3, updateTime: new Date(0), x: 4 };
    expect(plain({ include: ['a.b', 'd'] }, document)).toEqual({ _id: 1, a: { b: 1 }, d: 3, updateTime: new Date(0) });
  });

  test('leaves out what is no object on the way, and numbers the elements anew', () => {
    const kept = cutOf({ include: ['a.b'] })(bson({ _id: 1, a: [1, { b: 1, c: 2 }, 'x', [3, { b: 2 }]] }), 0);
    expect(kept).toEqual(bson({ _id: 1, a: [{ b: 1 }, [{ b: 2 }]] }));
    expect(plain({ include: ['a.b'] }, { _id: 1, a: 5 })).toEqual({ _id: 1 });
  });

  test('with exclude, what both allow', () => {
    const document = { _id: 1, a: { b: 1, c: 2 }, d: 3 };
    expect(plain({ include: ['a'], exclude: ['a.c'] }, document)).toEqual({ _id: 1, a: { b: 1 } });
  });
});

describe('hash', () => {
  test('replaces values, of arrays each element, and leaves null', () => {
    const document = { _id: 1, a: 'x', b: ['x', ['y', null], { z: 1 }], c: null, d: { e: 'x' }, f: [] };
    const [x, y] = [digest('x'), digest('y')];
    expect(plain({ hash: ['a', 'b', 'c', 'd.e', 'f', 'none'] }, document)).toEqual({
      _id: 1,
      a: x,
      b: [x, [y, null], digest('{"z":{"$numberLong":"1"}}')],
      c: null,
      d: { e: x },
      f: [],
    });
  });

  test('hashes _id', () => {
    expect(plain({ hash: ['_id'] }, { _id: new ObjectId('0123456789abcdef01234567') })).toEqual({
      _id: digest('{"$oid":"0123456789abcdef01234567"}'),
    });
  });

  test.each([
    ['a text', 'grüße', 'grüße'],
    ['an empty text', '', ''],
    ['a text like EJSON', '{"a":1}', '"{\\"a\\":1}"'],
    ['a text like a word of JSON', 'true', '"true"'],
    ['a boolean', true, 'true'],
    ['an integer', new Int32(7), '{"$numberLong":"7"}'],
    ['a long', Long.fromNumber(7), '{"$numberLong":"7"}'],
    ['a double', new Double(7), '{"$numberLong":"7"}'],
    ['a decimal', Decimal128.fromString('7.0'), '{"$numberLong":"7"}'],
    ['a fraction', new Double(0.5), '{"$numberDouble":"0.5"}'],
    ['a date', new Date(1), '{"$date":{"$numberLong":"1"}}'],
    ['an object', { b: 1, a: 'x' }, '{"b":{"$numberLong":"1"},"a":"x"}'],
  ])('the text of %s', (_, value, expected) => {
    expect(cut({ hash: ['a'] }, { a: value })).toEqual({ a: digest(expected) });
  });

  test('values share a text only where MongoDB holds them to be equal', () => {
    const values = valueWith(fc.constantFrom('a', '$oid', 'b'));
    const textOf = ({ bytes, type, at, end }: Placed) => hashedText(bytes, type, at, end);
    const identityOf = ({ bytes, type, at, end }: Placed) => identityJson(bytes, type, at, end);
    fc.assert(
      fc.property(values, values, (one, other) => {
        const spelt = textOf(placed(one));
        for (const [a, b] of [
          [one, other],
          [one, spelt],
          [one, identityOf(placed(one))],
        ].map((pair) => pair.map(placed))) {
          expect(textOf(a as Placed) === textOf(b as Placed)).toBe(identityOf(a as Placed) === identityOf(b as Placed));
        }
      }),
    );
  });
});

describe('documents that are broken', () => {
  const deep = (levels: number) => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = [value];
    return bson({ _id: 1, a: value });
  };
  const lying = () => {
    const bytes = bson({ _id: 1, a: { b: 'x' }, c: 1 });
    bytes.writeInt32LE(1000, bytes.indexOf('a\0') + 2);
    return bytes;
  };

  test.each([
    ['a child longer than its parent', lying(), { exclude: ['a.b'] }],
    ['a hash of what lies too deep', deep(1000), { hash: ['a'] }],
    ['a path through what lies too deep', deep(1000), { exclude: ['a.b'] }],
    ['a hash of 100,000 levels', documentOf([element(BSON.array, 'a', nestedArrays(100_000))]), { hash: ['a'] }],
  ])('%s', (_, bytes, policy) => {
    expect(() => cutOf(policy)(bytes, 0)).toThrow(expect.objectContaining({ code: 'DOCUMENT_BROKEN' }));
  });
});

test('random documents are what the bson library makes of what should be left', () => {
  const name = fc.constantFrom('a', 'b', 'c', '_id', '__proto__', 'ä');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
  const paths = fc.option(fc.uniqueArray(path, { minLength: 1, maxLength: 3 }), { nil: undefined });
  const policies = fc.record({ include: paths, exclude: paths, hash: paths }).map(given);
  const documents = fc
    .uniqueArray(fc.tuple(fc.oneof(name, fc.constantFrom('', 'a.b', '1', CURSOR)), valueWith(name)), {
      selector: ([key]) => key,
    })
    .map((pairs) => new Map(pairs));
  let kept = 0;
  fc.assert(
    fc.property(policies, documents, (policy, document) => {
      fc.pre(policyFaults(policy, CURSOR).length === 0);
      kept++;
      expect(cutOf(policy)(bson(document), 0)).toEqual(bson(expected(policy, document)));
    }),
    { numRuns: 500 },
  );
  expect(kept).toBeGreaterThan(400);
});

function given<T extends object>(record: T): ColumnPolicy {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** What is left of a document, by looking up each of its paths. */
function expected(policy: ColumnPolicy, document: Fields): Fields {
  const kept = keptPaths(policy, [CURSOR]);
  const gone = Symbol('gone');
  const fieldsOf = (fields: Fields, prefix: string): Fields =>
    new Map(
      [...fields].flatMap(([name, value]) => {
        const path = name.includes('.') || name === '' ? '\0' : `${prefix}${name}`;
        const left = valueAt(value, path);
        return left === gone ? [] : [[name, left] as const];
      }),
    );
  const valueAt = (value: unknown, path: string): unknown => {
    const whole = kept === undefined || kept.some((one) => isWithin(path, one));
    if (!whole && !kept.some((one) => isWithin(one, path))) return gone;
    if (policy.exclude?.includes(path)) return gone;
    if (policy.hash?.includes(path)) return hashOf(value);
    if (Array.isArray(value)) return value.map((one) => valueAt(one, path)).filter((one) => one !== gone);
    if (value instanceof Map) return fieldsOf(value, `${path}.`);
    return whole ? value : gone;
  };
  return fieldsOf(document, '');
}

function hashOf(value: unknown): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(hashOf);
  const bytes = bson({ v: value });
  return digest(hashedText(bytes, bytes[4] as number, 7, bytes.length - 1));
}
