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
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { partitionOf } from '../../../src/shared/domain/hash.ts';
import { type IdClass, idHash, idText } from '../../../src/shared/domain/ids.ts';
import { type Placed, placed, placedRaw, text } from './bson-bytes.ts';
import { mongoKey } from './numeric-identity.ts';

const MILLION = 1_000_000;
const PARTITIONS = 64;
const SLOW = { timeout: 300_000 };

/** Pseudo-random 32-bit numbers (mulberry32): a million ids are made too often for fast-check. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof random>;

function someBytes(next: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => next(256)));
}

/** Few letters and short, so that many are equal; some look like EJSON. */
function someText(next: Random): string {
  const letters = ['a', 'b', 'ß', '😀', '"', '{', '}', '[', '\0', '\ufeff', '\ufffd', '1', '$', 'null', 'true'];
  return Array.from({ length: next(6) }, () => letters[next(letters.length)]).join('');
}

/** A number of a type drawn by itself, so that equal ones meet across types. */
function someNumber(next: Random): unknown {
  const small = next(2000) - 1000;
  const wide = BigInt.asIntN(64, (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32)));
  switch (next(8)) {
    case 0:
      return new Int32(small);
    case 1:
      return Long.fromNumber(small);
    case 2:
      return new Double(small / (1 + next(3)));
    case 3:
      return Decimal128.fromString(`${small * 10 ** next(3)}E${-next(4)}`);
    case 4:
      return Long.fromBigInt(wide);
    case 5:
      return Decimal128.fromString(String(wide));
    case 6:
      return new Double(Number(wide) * 2 ** (next(40) - 20));
    default:
      return new Double([Number.NaN, Infinity, -Infinity, -0, 2 ** 63, 5e-324][next(6)] as number);
  }
}

const MAKERS: readonly ((next: Random) => unknown)[] = [
  (next) => new ObjectId(someBytes(next, 12)),
  someText,
  (next) => new BSONSymbol(someText(next)),
  someNumber,
  someNumber,
  (next) => new UUID(someBytes(next, 16)),
  (next) => new Binary(someBytes(next, next(3)), [0, 2, 3, 4, 5, 0x80][next(6)]),
  (next) => new Date(next(2 ** 32) * 1000 - 2 ** 41),
  (next) => [true, false, null][next(3)],
  (next) => new Timestamp({ t: next(50), i: next(50) }),
  (next) => new BSONRegExp(someText(next).replaceAll('\0', ''), next(2) === 0 ? '' : 'i'),
  (next) => new Code(someText(next), next(2) === 0 ? null : { x: new Int32(next(100)) }),
  (next) => (next(2) === 0 ? new MinKey() : new MaxKey()),
  (next) => [someNumber(next)],
  (next) => new Map([[next(4) === 0 ? '$numberLong' : 'a', someNumber(next)]]),
  (next) => new Map([['k', new Map([[someText(next).replaceAll('\0', ''), [someNumber(next), someText(next)]]])]]),
];

interface Id {
  readonly value: Placed;
  /** Equal for two ids exactly where MongoDB holds them to be one; made without the code under test. */
  readonly key: string;
}

/** What the bson library does not write: text that is not UTF-8, undefined, a DBPointer. */
function rawId(next: Random): Id {
  const bytes = Buffer.concat([someBytes(next, next(3)), Buffer.from([0xff])]);
  switch (next(4)) {
    case 0:
      return { value: placedRaw(BSON.undefined, Buffer.alloc(0)), key: 'undefined' };
    case 1:
      return {
        value: placedRaw(BSON.dbPointer, Buffer.concat([text(bytes), Buffer.alloc(12, bytes[0])])),
        key: `pointer ${bytes.toString('hex')}`,
      };
    default:
      return { value: placedRaw(BSON.string, text(bytes)), key: `bytes ${bytes.toString('hex')}` };
  }
}

/** Ids of every type. */
function* mixedIds(count: number, next: Random): Generator<Id> {
  for (let i = 0; i < count; i++) {
    if (next(20) === 0) yield rawId(next);
    else {
      const made = (MAKERS[next(MAKERS.length)] as (next: Random) => unknown)(next);
      yield { value: placed(made), key: JSON.stringify(mongoKey(made)) };
    }
  }
}

const hashOf = ({ bytes, type, at, end }: Placed) => idHash(bytes, type, at, end);

/** How far the fullest or the emptiest of 64 partitions is from the mean. */
function skew(ids: Iterable<Placed>, count: number): number {
  const sizes = new Array<number>(PARTITIONS).fill(0);
  for (const id of ids) {
    const partition = partitionOf(hashOf(id), PARTITIONS);
    sizes[partition] = (sizes[partition] as number) + 1;
  }
  const mean = count / PARTITIONS;
  return Math.max(...sizes.map((size) => Math.abs(size - mean) / mean));
}

describe('a million ids of all types', () => {
  const ids: Placed[] = [];
  /** The number of the key of each id. */
  const numbers = new Int32Array(MILLION);
  let different = 0;

  test('are in one partition where MongoDB holds them to be equal', SLOW, () => {
    const known = new Map<string, number>();
    const hashes = new Float64Array(MILLION).fill(-1);
    let apart = 0;
    for (const { value, key } of mixedIds(MILLION, random(20_261_127))) {
      const number = known.get(key) ?? known.size;
      known.set(key, number);
      const hash = hashOf(value);
      if (hashes[number] === -1) hashes[number] = hash;
      else if (hashes[number] !== hash) apart++;
      numbers[ids.length] = number;
      ids.push(value);
    }
    different = known.size;
    expect(apart).toBe(0);
    // Or the test would be about nothing: many are equal, and many are not.
    expect(different).toBeGreaterThan(MILLION / 4);
    expect(different).toBeLessThan((MILLION * 3) / 4);
  });

  test('fill 64 partitions evenly: none is more than 5% from the mean', () => {
    const met = new Set<number>();
    const first = ids.filter((_, i) => !met.has(numbers[i] as number) && met.add(numbers[i] as number));
    expect(first).toHaveLength(different);
    expect(skew(first, different)).toBeLessThan(0.05);
  });

  test.each<IdClass>(['objectId', 'string', 'uuid', 'long', 'other'])(
    'share a text exactly where MongoDB holds them to be equal: %s ids are bare',
    SLOW,
    (main) => {
      const texts = new Map<string, number>();
      let wrong = 0;
      for (const [i, { bytes, type, at, end }] of ids.entries()) {
        const text = idText(bytes, type, at, end, main);
        const number = texts.get(text);
        if (number === undefined) texts.set(text, numbers[i] as number);
        else if (number !== numbers[i]) wrong++;
      }
      expect(wrong, 'different ids with one text').toBe(0);
      expect(texts.size, 'texts of different ids').toBe(different);
    },
  );
});

/** The skew of a million ids that `write` writes one after the other. */
function skewOf(write: (id: Buffer, i: number, next: Random) => void, id: Placed): number {
  const next = random(7);
  const body = id.bytes.subarray(id.at, id.end);
  function* written() {
    for (let i = 0; i < MILLION; i++) {
      write(body, i, next);
      yield id;
    }
  }
  return skew(written(), MILLION);
}

const fill = (next: Random, bytes: Buffer, from: number) => {
  for (let at = from; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(next(2 ** 32), at);
};

const ID_SHAPES: readonly (readonly [string, Placed, (id: Buffer, i: number, next: Random) => void])[] = [
  ['random ObjectIds', placed(new ObjectId('00'.repeat(12))), (id, _, next) => fill(next, id, 0)],
  // One process: seconds, its five bytes, a counter.
  [
    'ObjectIds of one process',
    placed(new ObjectId('6650000012345678900a0000')),
    (id, i) => {
      id.writeUInt32BE(0x66500000 + Math.floor(i / 100));
      id.writeUIntBE(0xa0000 + i, 9, 3);
    },
  ],
  ['numbered strings', placed('order-0000000'), (id, i) => id.write(String(i).padStart(7, '0'), 10, 'latin1')],
  ['UUIDs', placed(new UUID('00'.repeat(16))), (id, _, next) => fill(next, id.subarray(5), 0)],
  ['integers one after the other', placed(Long.ONE), (id, i) => id.writeBigInt64LE(BigInt(i))],
  ['doubles one after the other', placed(new Double(1)), (id, i) => id.writeDoubleLE(i)],
  ['integers in thousands', placed(Long.ONE), (id, i) => id.writeBigInt64LE(BigInt(i) * 1000n)],
  ['dates', placed(new Date(0)), (id, i) => id.writeBigInt64LE(BigInt(i) * 60_000n)],
];

describe('no partition of 64 is more than 5% from the mean of a million', () => {
  test.each(ID_SHAPES)('%s', SLOW, (_, id, write) => {
    expect(skewOf(write, id)).toBeLessThan(0.05);
  });
});
