import { Double, deserialize } from 'bson';
import { describe, expect, it } from 'vitest';
import { lengthAt, takeDeletion } from '../../../src/shared/domain/deletion.ts';
import { erasedIds } from '../../../src/shared/domain/erased.ts';
import { partitionOf } from '../../../src/shared/domain/hash.ts';
import { identityAt } from '../../../src/shared/domain/id-list.ts';
import { idHash } from '../../../src/shared/domain/ids.ts';
import { sketchToJson } from '../../../src/shared/domain/sketch.ts';
import { keyedHash } from '../../../src/shared/keyed-hash.ts';
import { unpack } from '../../../src/shared/packing.ts';
import { type ShuffleTask, shuffle } from '../../../src/worker/thread/shuffle.ts';
import { documentOf, element, int32 } from '../../shared/domain/bson-bytes.ts';
import { bson, deletion } from './table.ts';

const CURSOR = { field: 'updateTime', type: 'date' } as const;
const at = (_id: number, time: number, more: object = {}) => bson({ _id, updateTime: new Date(time), ...more });
const TWICE = documentOf([element(0x10, '_id', int32(9)), element(0x10, 'a', int32(1)), element(0x10, 'a', int32(2))]);

/** Where the batch begins in its room. */
const FROM = 100;

function run(
  documents: readonly Buffer[],
  plan: Partial<ShuffleTask['plan']> = {},
  hashKey?: string,
  erased?: ShuffleTask['erased'],
) {
  const all = Buffer.concat(documents);
  const room = new Uint8Array(new SharedArrayBuffer(FROM + all.length * 3));
  room.set(all, FROM);
  return shuffle({
    plan: { partitions: 4, cursor: CURSOR, scope: { kind: 'full' }, sourceKind: 'dump', ...plan },
    hashKey,
    erased,
    slab: { room, batches: [{ start: FROM, end: FROM + all.length, position: 1000 }], before: 0 },
    source: 'dump:x',
  });
}

describe('documents that are shuffled', () => {
  const documents = Array.from({ length: 50 }, (_, i) => at(i, 1000 + i));

  it('go to the partition of their hash, in the order read, and are all there once unpacked', () => {
    const { blocks, documents: count, bytes } = run(documents);
    expect(blocks.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    expect(count).toBe(50);
    expect(bytes).toBe(Buffer.concat(documents).length);
    for (const { partition, packed, rawLength, documents: own } of blocks) {
      const expected = documents.filter((each) => partitionOf(idHash(each, 0x10, 9, 13), 4) === partition);
      expect(unpack(Buffer.from(packed)).equals(Buffer.concat(expected))).toBe(true);
      expect([rawLength, own]).toEqual([Buffer.concat(expected).length, expected.length]);
    }
  });

  it('of a dump are filtered by the scope; of a server they are not', () => {
    const scope = { kind: 'window', cursor: CURSOR, from: 1010, to: 1020 } as const;
    expect(run(documents, { scope }).documents).toBe(9);
    expect(run(documents, { scope }).minCursor).toBe(1011);
    expect(run(documents, { scope, sourceKind: 'live' }).documents).toBe(50);
    expect(run(documents, { scope, sourceKind: 'live' }).minCursor).toBe(1000);
  });

  it('tell their smallest cursor, also from where names are not kept, from within an object and of a broken one', () => {
    const wide = Object.fromEntries(Array.from({ length: 10_500 }, (_, i) => [`k${i}`, 1]));
    expect(run([bson({ _id: 1, ...wide, updateTime: new Date(5) })]).minCursor).toBe(5);
    const cursor = { field: 'meta.at', type: 'date' } as const;
    expect(run([bson({ _id: 1, meta: { at: new Date(7) } })], { cursor }).minCursor).toBe(7);
    const late = Buffer.concat([TWICE.subarray(4, -1), at(1, 3).subarray(4 + 9)]);
    const broken = run([Buffer.concat([int32(late.length + 4), late])]);
    expect([broken.broken.length, broken.minCursor]).toEqual([1, 3]);
    expect(run([bson({ _id: 1 })]).minCursor).toBeUndefined();
  });

  it.each([
    ['as they are', undefined],
    ['cut by a column policy', { exclude: ['secret'] }],
    ['by a policy that leaves out what says so', { include: ['updateTime'] }],
  ])('stay or become deletions, %s', (_, columns) => {
    const documents = [
      at(1, 1),
      at(2, 1, { gone: true, secret: 'x' }),
      deletion(bson({ _id: 3 })),
      at(4, 1, { gone: null }),
    ];
    const {
      blocks,
      documents: count,
      bytes,
    } = run(documents, {
      partitions: 1,
      deletedField: 'gone',
      ...(columns === undefined ? {} : { columns }),
    });
    expect([count, bytes]).toEqual([4, Buffer.concat(documents).length]);
    const unpacked = unpack(Buffer.from(blocks[0]?.packed ?? []));
    const found: [number, boolean][] = [];
    for (let start = 0; start < unpacked.length; start += lengthAt(unpacked, start)) {
      const isDeletion = takeDeletion(unpacked, start);
      found.push([deserialize(unpacked.subarray(start, start + lengthAt(unpacked, start)))._id, isDeletion]);
    }
    expect(found).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, false],
    ]);
  });

  it('that can not be stored are put aside with their place, and the others go on', () => {
    const { broken, documents: count, blocks } = run([at(1, 1), TWICE, at(2, 1)]);
    const place = `byte ${1000 + at(1, 1).length} of dump:x`;
    expect(broken).toMatchObject([{ reason: 'field "a" occurs twice', form: 'whole', place }]);
    expect(Buffer.from(broken[0]?.document ?? []).equals(TWICE)).toBe(true);
    expect(count).toBe(3);
    expect(blocks.reduce((sum, block) => sum + block.documents, 0)).toBe(2);
  });

  it('are hashed by the key, and without it are refused', () => {
    const columns = { hash: ['name'], key: keyedHash('0123456789abcdef').fingerprint };
    const { blocks } = run([at(1, 1, { name: 'Ann' })], { columns }, '0123456789abcdef');
    const stored = unpack(Buffer.from(blocks[0]?.packed ?? [])).toString('latin1');
    expect(stored).toContain(keyedHash('0123456789abcdef').hash('Ann'));
    expect(() => run([at(1, 1)], { columns })).toThrow(/no hashKey/);
  });
});

describe('documents whose ids are erased', () => {
  const listOf = (...ids: unknown[]) =>
    erasedIds({ salt: '5a', digests: ids.map((_id) => keyedHash('5a').hash(identityAt(bson({ _id }), 0))) });

  it('are left out and counted, and leave no trace but their cursor', () => {
    const documents = [at(1, 50), at(2, 10, { secret: 'x' }), at(3, 60)];
    const { blocks, sketch, minCursor, ...rest } = run(documents, { partitions: 1 }, undefined, listOf(2, 9));
    expect(rest).toMatchObject({ documents: 3, erased: 1, broken: [], bytes: Buffer.concat(documents).length });
    expect(minCursor).toBe(10);
    const unpacked = unpack(Buffer.from(blocks[0]?.packed ?? []));
    expect(unpacked.equals(Buffer.concat([at(1, 50), at(3, 60)]))).toBe(true);
    expect(JSON.stringify(sketchToJson(sketch))).not.toContain('secret');
  });

  it('are told by what MongoDB holds to be equal, before a column policy is applied, and of broken documents, too', () => {
    const left = (document: Buffer, ...ids: unknown[]) => run([document], {}, undefined, listOf(...ids)).erased;
    expect([left(at(7, 1), new Double(7)), left(bson({ _id: '7' }), 7)]).toEqual([1, 0]);
    expect(run([TWICE], {}, undefined, listOf(9))).toMatchObject({ erased: 1, broken: [], documents: 1 });
    const hashes = { columns: { hash: ['_id'], key: keyedHash('k').fingerprint } };
    expect(run([at(7, 1)], hashes, 'k', listOf(7))).toMatchObject({ erased: 1, blocks: [] });
    const unreadable = Buffer.from([6, 0, 0, 0, 255, 0]);
    expect(run([unreadable], {}, undefined, listOf(7))).toMatchObject({ erased: 0, broken: [{}] });
  });

  it('are none where the source says that they are gone, or the scope is another', () => {
    expect(run([deletion(bson({ _id: 7 }))], {}, undefined, listOf(7))).toMatchObject({ erased: 0, documents: 1 });
    expect(run([at(7, 1, { gone: true })], { deletedField: 'gone' }, undefined, listOf(7)).erased).toBe(1);
    const scope = { kind: 'window', cursor: CURSOR, from: 5, to: null } as const;
    expect(run([at(7, 1)], { scope }, undefined, listOf(7))).toMatchObject({ erased: 0, documents: 0 });
  });
});
