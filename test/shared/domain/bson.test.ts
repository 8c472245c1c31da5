import { Binary, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from 'bson';
import { describe, expect, test } from 'vitest';
import { BSON, findElement, stringBytes, uuidText, valueEnd, walkElements } from '../../../src/shared/domain/bson.ts';
import { bson, documentOf, element, int32, text } from './bson-bytes.ts';

function walked(bytes: Buffer, at = 0): string[] {
  const seen: string[] = [];
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    seen.push(`${type.toString(16)} ${bytes.toString('utf8', nameStart, nameEnd)} ${end - valueAt}`);
    return true;
  });
  return seen;
}

const ONE = element(BSON.int32, 'a', int32(1));

describe('walkElements', () => {
  test('visits every type in order and knows where each ends', () => {
    const document = {
      _id: new Int32(1),
      double: new Double(1.5),
      string: 'grüße',
      object: { a: new Int32(1) },
      array: [true],
      binary: new Binary(Buffer.from([1, 2, 3])),
      undef: undefined,
      id: new ObjectId('0123456789abcdef01234567'),
      yes: true,
      date: new Date(0),
      none: null,
      regex: /^a/i,
      code: new Code('x'),
      scoped: new Code('x', { y: new Int32(1) }),
      timestamp: new Timestamp({ t: 1, i: 2 }),
      long: Long.fromNumber(1),
      decimal: Decimal128.fromString('1.0'),
      min: new MinKey(),
      max: new MaxKey(),
    };
    expect(walked(bson(document))).toEqual([
      '10 _id 4',
      '1 double 8',
      '2 string 12',
      '3 object 12',
      '4 array 9',
      '5 binary 8',
      'a undef 0',
      '7 id 12',
      '8 yes 1',
      '9 date 8',
      'a none 0',
      'b regex 5',
      'd code 6',
      'f scoped 22',
      '11 timestamp 8',
      '12 long 8',
      '13 decimal 16',
      'ff min 0',
      '7f max 0',
    ]);
  });

  test('knows the deprecated types', () => {
    const pointer = Buffer.concat([text('db.c'), Buffer.alloc(12, 7)]);
    const document = documentOf([
      element(BSON.undefined, 'u', Buffer.alloc(0)),
      element(BSON.symbol, 's', text('sym')),
      element(BSON.dbPointer, 'p', pointer),
      ONE,
    ]);
    expect(walked(document)).toEqual(['6 u 0', 'e s 8', 'c p 21', '10 a 4']);
  });

  test('walks a document within a larger buffer, and stops where it is told to', () => {
    const bytes = Buffer.concat([documentOf([]), documentOf([ONE, ONE]), documentOf([])]);
    expect(walked(bytes, 5)).toEqual(['10 a 4', '10 a 4']);
    let visits = 0;
    walkElements(bytes, 5, () => {
      visits++;
      return false;
    });
    expect(visits).toBe(1);
  });

  const LIES: readonly (readonly [string, Buffer])[] = [
    ['a length past the buffer', documentOf([ONE], 13)],
    ['a negative length', documentOf([ONE], -1)],
    ['a length of zero', documentOf([ONE], 0)],
    ['a length of four', documentOf([ONE], 4)],
    ['no room for a length', Buffer.from([5, 0, 0])],
    ['a length that stops short', documentOf([ONE], 8)],
    ['no terminator', documentOf([ONE], undefined, 1)],
    ['a string past its document', documentOf([element(BSON.string, 'a', text('b', 100))])],
    ['a string without a length', documentOf([element(BSON.string, 'a', Buffer.from([1, 0]))])],
    ['a string of length zero', documentOf([element(BSON.string, 'a', text('', 0))])],
    ['a string of negative length', documentOf([element(BSON.string, 'a', text('b', -5))])],
    ['a string without a terminator', documentOf([element(BSON.string, 'a', text('b', undefined, 1))])],
    ['a string that ends too early', documentOf([element(BSON.string, 'a', text('bcd', 2))])],
    ['an object past its document', documentOf([element(BSON.object, 'a', documentOf([], 50))])],
    ['an object of length four', documentOf([element(BSON.object, 'a', documentOf([], 4))])],
    [
      'a binary past its document',
      documentOf([element(BSON.binary, 'a', Buffer.concat([int32(9), Buffer.from([0])]))]),
    ],
    [
      'a binary of negative length',
      documentOf([element(BSON.binary, 'a', Buffer.concat([int32(-9), Buffer.from([0])]))]),
    ],
    ['a cut integer', documentOf([element(BSON.int64, 'a', Buffer.alloc(3))])],
    ['a regex without an end', documentOf([element(BSON.regex, 'a', Buffer.from('abc'))])],
    ['a boolean that is neither', documentOf([element(BSON.boolean, 'a', Buffer.from([2]))])],
    ['a name without an end', documentOf([Buffer.from([BSON.int32, 0x61])])],
    ['a type that there is none of', documentOf([element(0x14, 'a', int32(0))])],
  ];
  test.each(LIES)('refuses %s', (_, bytes) => {
    expect(() => walked(bytes)).toThrow(expect.objectContaining({ code: 'DOCUMENT_BROKEN' }));
    // Also where more bytes follow, as in a batch.
    const more = Buffer.concat([bytes, Buffer.alloc(64, 1)]);
    expect(() => walked(more)).toThrow(expect.objectContaining({ code: 'DOCUMENT_BROKEN' }));
  });
});

test('valueEnd is bounded by the end of the document', () => {
  const bytes = Buffer.alloc(20);
  expect(valueEnd(bytes, BSON.int64, 4, 12)).toBe(12);
  expect(() => valueEnd(bytes, BSON.int64, 4, 11)).toThrow('a value of type 0x12 reaches past its document');
});

describe('findElement', () => {
  const bytes = bson({
    _id: new Int32(1),
    ab: new Int32(2),
    a: { b: new Date(5), c: [{ d: true }] },
    ä: true,
    aé: false,
  });

  test('finds by path', () => {
    expect(findElement(bytes, 0, ['_id'])?.type).toBe(BSON.int32);
    const found = findElement(bytes, 0, ['a', 'b']);
    expect(found?.type).toBe(BSON.date);
    expect(bytes.readBigInt64LE(found?.at)).toBe(5n);
  });

  test('compares names beyond ASCII', () => {
    expect(findElement(bytes, 0, ['ä'])).toBeDefined();
    expect(findElement(bytes, 0, ['aé'])).toBeDefined();
    expect(findElement(bytes, 0, ['é'])).toBeUndefined();
    // A byte of Latin-1 is no UTF-8 name.
    const latin = documentOf([element(BSON.null, Buffer.from([0xe9]), Buffer.alloc(0))]);
    expect(findElement(latin, 0, ['é'])).toBeUndefined();
  });

  test.each([
    [['x']],
    [['_i']],
    [['_id', 'x']],
    [['_idx']],
    [['a', 'c', 'd']],
    [['a', 'c', '0']],
    [['a', 'x']],
    [['']],
  ])('finds nothing at %j', (path) => {
    expect(findElement(bytes, 0, path)).toBeUndefined();
  });

  test('takes the first of two', () => {
    const twice = documentOf([ONE, element(BSON.int32, 'a', int32(2))]);
    expect(twice.readInt32LE(findElement(twice, 0, ['a'])?.at)).toBe(1);
  });
});

test('stringBytes is a view without length and terminator', () => {
  const bytes = documentOf([element(BSON.string, 'a', text('grüße\0!'))]);
  const view = stringBytes(bytes, 7);
  expect(view.toString()).toBe('grüße\0!');
  expect(view.buffer).toBe(bytes.buffer);
});

test('uuidText is the usual form', () => {
  const uuid = new UUID('00112233-4455-6677-8899-aabbccddeeff');
  expect(uuidText(Buffer.from(uuid.buffer), 0)).toBe('00112233-4455-6677-8899-aabbccddeeff');
});
