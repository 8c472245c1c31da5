import { gzipSync } from 'node:zlib';
import { Int32, serialize } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frameDocuments, type ReadInto, StreamBroken } from '../../../src/shared/adapters/source-dump-frame.ts';
import { inflate } from '../../../src/shared/adapters/source-dump-read.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { encode, numbered, split } from '../../contracts/source-documents.ts';

/** A stream that gives `bytes` in pieces of the given sizes, over and over. */
function pieces(bytes: Uint8Array, sizes: readonly number[]): ReadInto {
  const source = Buffer.from(bytes);
  let at = 0;
  let turn = 0;
  return async (target, start, end) => {
    const size = Math.min(sizes[turn++ % sizes.length] ?? 1, end - start);
    const copied = source.copy(target, start, at, at + size);
    at += copied;
    return copied;
  };
}

/** What came before the end, and the error it ended with. */
async function readAll(read: ReadInto, batchBytes?: number) {
  const documents: Buffer[] = [];
  const positions: number[] = [];
  try {
    for await (const batch of frameDocuments(read, { file: 'c.bson', ...(batchBytes ? { batchBytes } : {}) })) {
      documents.push(...split(batch));
      positions.push(batch.position ?? -1);
    }
    return { documents, positions, error: undefined };
  } catch (error) {
    return { documents, positions, error };
  }
}

function expectBroken(error: unknown, offset: number, reason: string) {
  expect(error).toBeInstanceOf(MongolakeError);
  expect((error as MongolakeError).code).toBe('DUMP_BROKEN');
  expect((error as MongolakeError).message).toContain(`c.bson: at byte ${offset}: `);
  expect((error as MongolakeError).message).toContain(reason);
}

const small = encode(numbered(3));
const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = small;

function lengthOnly(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(length);
  return bytes;
}

describe('framing', () => {
  test('any pieces and any batch size give the same documents', async () => {
    const document = fc
      .record({ _id: fc.integer(), text: fc.string({ maxLength: 200 }) })
      .map((value) => serialize(value));
    await fc.assert(
      fc.asyncProperty(
        fc.array(document, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 2000 }),
        async (documents, sizes, batchBytes) => {
          const read = await readAll(pieces(Buffer.concat(documents), sizes), batchBytes);
          expect(read.error).toBeUndefined();
          expect(Buffer.concat(read.documents).equals(Buffer.concat(documents))).toBe(true);
          expect(read.documents).toHaveLength(documents.length);
        },
      ),
    );
  });

  test('any pieces and any cut give every whole document before it, then the offset of the one that is cut', async () => {
    const documents = encode(numbered(20));
    const bytes = Buffer.concat(documents);
    const starts = documents.map((_, index) => Buffer.concat(documents.slice(0, index)).length);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 400 }),
        async (cut, size, batchBytes) => {
          const whole = documents.filter((each, index) => (starts[index] ?? 0) + each.length <= cut);
          const read = await readAll(pieces(bytes.subarray(0, cut), [size]), batchBytes);
          expect(read.documents).toEqual(whole);
          if (starts.includes(cut)) expect(read.error).toBeUndefined();
          else expectBroken(read.error, starts[whole.length] ?? -1, 'the file ends');
        },
      ),
    );
  });

  test('an empty stream holds no documents', async () => {
    expect(await readAll(pieces(Buffer.alloc(0), [10]))).toEqual({ documents: [], positions: [], error: undefined });
  });

  test('a batch says where it stands in the stream', async () => {
    const { positions } = await readAll(pieces(Buffer.concat(small), [7]), first.length);
    expect(positions).toEqual([0, first.length, first.length + second.length]);
  });

  test.each([
    ['zero', 0],
    ['less than the smallest document', 4],
    ['negative', -1],
    ['over 16 MiB + 16 KiB', 16 * 1024 * 1024 + 16 * 1024 + 1],
    ['the largest int32', 2 ** 31 - 1],
  ])('a length that is %s breaks the dump at that document', async (_name, length) => {
    const { documents, error } = await readAll(pieces(Buffer.concat([first, lengthOnly(length), second]), [1000]));
    expect(documents).toEqual([first]);
    expectBroken(error, first.length, `${length} bytes long`);
  });

  test('the largest possible document is read, in a batch of its own', async () => {
    const largest = Buffer.alloc(16 * 1024 * 1024 + 16 * 1024, 'x');
    largest.writeInt32LE(largest.length);
    largest[largest.length - 1] = 0;
    const read = await readAll(pieces(Buffer.concat([first, largest, second]), [1_000_000]));
    expect(read.error).toBeUndefined();
    expect(read.documents.map((each) => each.length)).toEqual([first.length, largest.length, second.length]);
    expect(read.positions).toContain(first.length);
  });

  test('a length that lies is found by the missing NUL, at the document it belongs to', async () => {
    const lie = Buffer.from(second);
    lie.writeInt32LE(second.length - 3);
    const { documents, error } = await readAll(pieces(Buffer.concat([first, lie, first]), [1000]));
    expect(documents).toEqual([first]);
    expectBroken(error, first.length, 'does not end in a NUL');
  });

  test('a stop by the signal ends the reading with its reason', async () => {
    const stop = new AbortController();
    const frames = frameDocuments(pieces(Buffer.concat(small), [50]), {
      file: 'c.bson',
      batchBytes: 50,
      signal: stop.signal,
    });
    await frames.next();
    stop.abort(new Error('enough'));
    await expect(frames.next()).rejects.toThrow('enough');
  });
});

describe('gzip', () => {
  const documents = encode(numbered(5000));
  const bytes = Buffer.concat(documents);

  test('members one after another are one stream, whatever the pieces', async () => {
    const half = Math.floor(bytes.length / 2);
    const packed = Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 70_000 }), async (size) => {
        const read = await readAll(inflate(pieces(packed, [size])).read);
        expect(read.error).toBeUndefined();
        expect(Buffer.concat(read.documents).equals(bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('where it is cut off, every document before the cut is read, and the byte is that of the documents', async () => {
    const packed = gzipSync(bytes);
    const { documents: read, error } = await readAll(
      inflate(pieces(packed.subarray(0, packed.length >> 1), [999])).read,
    );
    const got = Buffer.concat(read);
    expect(read.length).toBeGreaterThan(1000);
    expect(got.equals(bytes.subarray(0, got.length))).toBe(true);
    const offset = Number(/at byte (\d+)/.exec(String(error))?.[1]);
    expectBroken(error, offset, 'unexpected end of file');
    // Less than one document is between what was read and where the stream stopped.
    expect(offset).toBeGreaterThanOrEqual(got.length);
    expect(offset - got.length).toBeLessThan(200);
  });

  test('a missing trailer is a broken dump, though every document is there', async () => {
    const packed = gzipSync(bytes);
    const { documents: read, error } = await readAll(inflate(pieces(packed.subarray(0, -3), [999])).read);
    expect(read).toHaveLength(documents.length);
    expectBroken(error, bytes.length, 'unexpected end of file');
  });

  test('a checksum that does not fit is a broken dump', async () => {
    const packed = gzipSync(bytes);
    packed[packed.length - 6] = (packed[packed.length - 6] ?? 0) ^ 1;
    expect((await readAll(inflate(pieces(packed, [999])).read)).error).toMatchObject({ code: 'DUMP_BROKEN' });
  });

  test('zeros after the last member are padding, other bytes a broken dump', async () => {
    const packed = gzipSync(bytes);
    const padded = await readAll(inflate(pieces(Buffer.concat([packed, Buffer.alloc(200_000)]), [999])).read);
    expect(padded).toMatchObject({ error: undefined });
    expect(padded.documents).toHaveLength(documents.length);
    const late = Buffer.concat([packed, Buffer.alloc(200_000), gzipSync(bytes)]);
    expectBroken((await readAll(inflate(pieces(late, [999])).read)).error, bytes.length, 'other bytes follow');
  });

  test('an empty stream is cut off, an empty member holds no documents', async () => {
    expectBroken((await readAll(inflate(pieces(Buffer.alloc(0), [10])).read)).error, 0, 'unexpected end of file');
    expect(await readAll(inflate(pieces(gzipSync(''), [10])).read)).toMatchObject({ documents: [], error: undefined });
  });

  test('what is no stream at all is named as such', async () => {
    const { error } = await readAll(inflate(pieces(Buffer.concat(documents), [999])).read);
    expectBroken(error, 0, 'incorrect header check');
    expect((error as Error).cause).toBeInstanceOf(StreamBroken);
  });
});

test('a document is a view: nothing is copied per document', async () => {
  const frames = frameDocuments(pieces(Buffer.concat(small), [1000]), { file: 'c.bson' });
  const { value } = await frames.next();
  expect(value?.offsets).toEqual([0, first.length, first.length + second.length]);
  expect(value?.bytes.readInt32LE(0)).toBe(first.length);
  expect(serialize({ _id: new Int32(0) }).length).toBeLessThan(first.length);
});
