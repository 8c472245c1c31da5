import { Decimal128, type Document, Double, deserialize, Int32, Long, ObjectId, Timestamp } from 'bson';
import { describe, expect, test } from 'vitest';
import type { CursorType } from '../../src/shared/domain/cursor.ts';
import { lengthAt, takeDeletion } from '../../src/shared/domain/deletion.ts';
import type { ExtractRange, ReadScope } from '../../src/shared/domain/job.ts';
import type { RawBatch, Source } from '../../src/shared/ports/source.ts';
import { COMMON_VALUES, collect, encode, huge, numbered, OTHER_VALUES, split } from './source-documents.ts';

/** How one adapter is put to the test. */
export interface SourceSubject {
  /** Opens a source over a collection that holds these documents, in this order; the suite closes it. */
  open(documents: readonly Document[]): Promise<Source>;
  /** Whether the server stores every BSON value, or only what FerretDB does. */
  readonly storesAll: boolean;
  /** Whether the source itself keeps to the window, or leaves that to the extractor (a dump). */
  readonly filtersWindow: boolean;
}

const FULL: ReadScope = { kind: 'full' };
const START = Date.UTC(2026, 0, 1);

/** Runs the contract of the `Source` port. `subject` is asked for once the tests run. */
export function sourceContract(subject: () => SourceSubject): void {
  fullContract(subject);
  windowContract(subject);
  lookUpContract(subject);
  stoppingContract(subject);
}

/** Opens a source, works with it, closes it. */
async function withSource<T>(
  subject: SourceSubject,
  documents: readonly Document[],
  work: (source: Source) => Promise<T>,
) {
  const source = await subject.open(documents);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** Everything that a scope reads, over all its ranges. */
async function readAll(source: Source, scope: ReadScope): Promise<Buffer[]> {
  const documents: Buffer[] = [];
  for (const range of await source.ranges(scope)) documents.push(...(await collect(source.read(range))));
  return documents;
}

function fullContract(subject: () => SourceSubject): void {
  describe('a full read', () => {
    test.each([0, 1, 10_000])('gives %i documents byte by byte, in order', async (count) => {
      const documents = numbered(count, START);
      await withSource(subject(), documents, async (source) => {
        const ranges = await source.ranges(FULL);
        expect(ranges.length).toBeGreaterThanOrEqual(1);
        const read = await readAll(source, FULL);
        expect(read).toHaveLength(count);
        expect(Buffer.concat(read).equals(Buffer.concat(encode(documents)))).toBe(true);
        const estimate = await source.estimate(FULL);
        expect(estimate.documents).toBe(count);
      });
    });

    test('gives every kind of value as it was stored', async () => {
      const values = subject().storesAll ? { ...COMMON_VALUES, ...OTHER_VALUES } : COMMON_VALUES;
      const documents = Object.entries(values).map(([name, value], index) => ({
        _id: new Int32(index),
        [name]: value,
      }));
      await withSource(subject(), documents, async (source) => {
        expect(await readAll(source, FULL)).toEqual(encode(documents));
      });
    });

    test('gives a document of nearly 16 MiB, among small ones', async () => {
      const documents = [{ _id: new Int32(0) }, huge(), { _id: new Int32(2) }];
      await withSource(subject(), documents, async (source) => {
        const read = await readAll(source, FULL);
        expect(read.map((each) => each.length)).toEqual(encode(documents).map((each) => each.length));
        expect(Buffer.concat(read).equals(Buffer.concat(encode(documents)))).toBe(true);
      });
    });

    test('gives much data in batches of a few megabytes', async () => {
      const documents = Array.from({ length: 60 }, (_, index) => ({
        _id: new Int32(index),
        text: 'x'.repeat(200_000),
      }));
      await withSource(subject(), documents, async (source) => {
        const sizes: number[] = [];
        for (const range of await source.ranges(FULL)) {
          for await (const batch of source.read(range)) sizes.push(batch.bytes.length);
        }
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(Buffer.concat(encode(documents)).length);
        expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024);
      });
    });

    test('gives the same again', async () => {
      await withSource(subject(), numbered(100), async (source) => {
        expect(await readAll(source, FULL)).toEqual(await readAll(source, FULL));
      });
    });
  });
}

function lookUpContract(subject: () => SourceSubject): void {
  /** What is given for these ids: documents, and the ids of deletions. */
  async function lookedUp(source: Source, ids: readonly unknown[]) {
    const documents: Document[] = [];
    const gone: unknown[] = [];
    for await (const batch of source.lookUp(Buffer.concat(encode(ids.map((_id) => ({ _id })))))) {
      for (const at of batch.offsets) {
        const length = lengthAt(batch.bytes, at);
        const own = Buffer.from(batch.bytes.subarray(at, at + length));
        const isDeletion = takeDeletion(own, 0);
        if (isDeletion) gone.push(deserialize(own)._id);
        else documents.push(deserialize(own));
      }
    }
    return { documents, gone };
  }

  describe('looking up ids', () => {
    const some = [
      { _id: new Int32(1), name: 'one' },
      { _id: 'a', name: 'text' },
      { _id: new ObjectId('0123456789abcdef01234567'), name: 'object id' },
      { _id: { k: new Int32(1), l: 'x' }, name: 'object' },
      { _id: new Double(2), name: 'two' },
      { _id: 'never asked for' },
    ];

    test('gives each document that there is, whatever kind of number its id is asked by, and a deletion for each that there is not', async () => {
      await withSource(subject(), some, async (source) => {
        const there = [Long.fromNumber(1), 'a', some[2]?._id, { k: new Int32(1), l: 'x' }, new Int32(2)];
        const { documents, gone } = await lookedUp(source, [...there, new Int32(7), 'A', { l: 'x', k: new Int32(1) }]);
        expect(documents.map(({ name }) => name).sort()).toEqual(['object', 'object id', 'one', 'text', 'two']);
        expect(gone).toEqual([7, 'A', { l: 'x', k: 1 }]);
      });
    });

    test('gives thousands, some at a time', async () => {
      await withSource(subject(), numbered(3000), async (source) => {
        const ids = Array.from({ length: 5000 }, (_, i) => new Int32(i + 500));
        const { documents, gone } = await lookedUp(source, ids);
        expect(documents.map(({ _id }) => _id).sort((a, b) => a - b)).toEqual(
          Array.from({ length: 2500 }, (_, i) => i + 500),
        );
        expect(gone).toHaveLength(2500);
      });
    });

    test('of an empty collection gives deletions alone; without ids nothing', async () => {
      await withSource(subject(), [], async (source) => {
        expect(await lookedUp(source, ['x'])).toEqual({ documents: [], gone: ['x'] });
        expect(await lookedUp(source, [])).toEqual({ documents: [], gone: [] });
      });
    });
  });
}

function windowContract(subject: () => SourceSubject): void {
  const times = [START - 1, START, START + 1, START + 500, START + 999, START + 1000, START + 1001];
  const dated = times.map((at, index) => ({ _id: new Int32(index), at: new Date(at), meta: { at: new Date(at) } }));
  const others = [{ at: 'text' }, { at: null }, {}, { at: new Int32(START / 1000) }, { meta: 'text' }].map(
    (each, index) => ({ _id: new Int32(100 + index), ...each }),
  );
  const window = (from: number | null, to: number | null, field = 'at', type: CursorType = 'date'): ReadScope => {
    return { kind: 'window', cursor: { field, type }, from, to };
  };
  const inside = (scope: ReadScope, source: Source) =>
    readAll(source, scope).then((read) => read.map((each) => deserialize(each)._id as number));

  describe('a window', () => {
    test.each([
      ['both ends are exclusive, to the millisecond', START, START + 1000, [2, 3, 4]],
      ['an open end reads all that is newer', START + 999, null, [5, 6]],
      ['an open start reads all that is older', null, START + 1, [0, 1]],
      ['without bounds every date is read, and nothing else', null, null, [0, 1, 2, 3, 4, 5, 6]],
      ['one millisecond apart nothing fits between', START, START + 1, []],
      ['the narrowest holds one millisecond', START, START + 2, [2]],
    ])('%s', async (_name, from, to, expected) => {
      await withSource(subject(), [...others, ...dated], async (source) => {
        for (const field of ['at', 'meta.at']) {
          const read = await inside(window(from, to, field), source);
          if (subject().filtersWindow) expect(read).toEqual(expected);
          // A dump gives more than the window: the extractor keeps what is in it.
          else expect(read).toEqual(expect.arrayContaining(expected));
        }
      });
    });

    const second = START / 1000;
    /** What each type can tell of the seconds −1, 0, 1 and 2 after START, each in every form that it has. */
    const VALUES: Readonly<Record<Exclude<CursorType, 'date'>, (n: number) => readonly unknown[]>> = {
      timestamp: (n) => [new Timestamp({ t: second + n, i: 1 }), new Timestamp({ t: second + n, i: 2 ** 32 - 1 })],
      objectId: (n) => ['00', 'ff'].map((rest) => new ObjectId(`${(second + n).toString(16)}${rest.repeat(8)}`)),
      epochSeconds: (n) => numbers(second + n, 0.5),
      epochMilliseconds: (n) => numbers(START + n * 1000, 0.5),
    };
    const numbers = (whole: number, fraction: number) => [
      new Double(whole),
      new Double(whole + fraction),
      Long.fromNumber(whole),
      ...(whole < 2 ** 31 ? [new Int32(whole)] : []),
      ...(subject().storesAll ? [Decimal128.fromString(`${whole}.999`)] : []),
    ];

    test.each([
      ['timestamp', 'at'],
      ['timestamp', 'meta.at'],
      ['epochSeconds', 'at'],
      ['epochSeconds', 'meta.at'],
      ['epochMilliseconds', 'at'],
      ['objectId', 'meta.at'],
      ['objectId', '_id'],
    ] as const)('of %s in %s meets no other type, and no other second', async (type, field) => {
      const strangers: readonly unknown[] = [new Date(START), 'text', null, true];
      const values = [-1, 0, 1, 2].map((n) => VALUES[type](n));
      const given = [...values.flat(), ...strangers];
      const made = (value: unknown, index: number) =>
        field === '_id'
          ? { _id: value, n: index }
          : { _id: new Int32(index), n: index, at: value, meta: { at: value } };
      const numbersOf = (wanted: readonly unknown[]) =>
        wanted.map((value) => given.indexOf(value)).sort((a, b) => a - b);
      await withSource(subject(), given.map(made), async (source) => {
        const seen = async (from: number | null, to: number | null) =>
          (await readAll(source, window(from, to, field, type))).map((each) => deserialize(each).n as number);
        for (const [from, to, wanted] of [
          [START - 1, START + 1001, values.slice(1, 3).flat()],
          [START, START + 1000, []],
          [START + 1000, null, values.slice(3).flat()],
          [null, START, values.slice(0, 1).flat()],
          [null, null, values.flat()],
        ] as const) {
          const read = await seen(from, to);
          if (subject().filtersWindow) expect(read.sort((a, b) => a - b)).toEqual(numbersOf(wanted));
          else expect(read).toEqual(expect.arrayContaining(numbersOf(wanted)));
        }
      });
    });
  });
}

function stoppingContract(subject: () => SourceSubject): void {
  const documents = Array.from({ length: 500 }, (_, index) => ({ _id: new Int32(index), text: 'x'.repeat(20_000) }));
  const range: ExtractRange = { scope: FULL, part: null };

  describe('a read that ends early', () => {
    test('by its signal gives its reason, at the start or between batches', async () => {
      await withSource(subject(), documents, async (source) => {
        await expect(collect(source.read(range, AbortSignal.abort(new Error('never'))))).rejects.toThrow('never');
        const stop = new AbortController();
        const batches = source.read(range, stop.signal)[Symbol.asyncIterator]();
        await batches.next();
        stop.abort(new Error('enough'));
        await expect(untilEnd(batches)).rejects.toThrow('enough');
      });
    });

    test('because its reader has seen enough leaves the source whole', async () => {
      await withSource(subject(), documents, async (source) => {
        for await (const batch of source.read(range)) {
          expect(split(batch).length).toBeGreaterThan(0);
          break;
        }
        expect(await readAll(source, FULL)).toHaveLength(documents.length);
      });
    });
  });

  test('it names itself and its collection, and has a clock', async () => {
    await withSource(subject(), documents.slice(0, 1), async (source) => {
      expect(source.description).not.toBe('');
      expect(source.namespace.database).not.toBe('');
      expect(source.namespace.collection).not.toBe('');
      expect(['live', 'dump']).toContain((await source.clock()).kind);
      expect(await source.indexes()).toBeInstanceOf(Array);
      await source.close();
    });
  });
}

async function untilEnd(batches: AsyncIterator<RawBatch>): Promise<void> {
  while (!(await batches.next()).done);
}
