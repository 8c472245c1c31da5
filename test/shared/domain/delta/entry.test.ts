import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../../../src/shared/domain/delta/actions.ts';
import {
  beforeVersion,
  checkpointKey,
  decodeEntry,
  encodeEntry,
  entryKey,
  parseLogKey,
} from '../../../../src/shared/domain/delta/entry.ts';

const NAME = '_delta_log/00000000000000000007.json';
const decodeText = (text: string): Action[] => decodeEntry(Buffer.from(text), NAME);
const thrownBy = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};
const corruptAt = (text: string): unknown => thrownBy(() => decodeText(text));

describe('keys of the log', () => {
  it('pad the version to 20 digits', () => {
    expect(entryKey(12)).toBe('_delta_log/00000000000000000012.json');
    expect(checkpointKey(12)).toBe('_delta_log/00000000000000000012.checkpoint.parquet');
    expect(() => entryKey(-1)).toThrow('not a table version');
    expect(() => entryKey(2 ** 53)).toThrow('not a table version');
  });

  it('are told apart from everything else that may lie in the folder', () => {
    expect(parseLogKey(entryKey(12))).toEqual({ kind: 'entry', version: 12 });
    expect(parseLogKey(checkpointKey(0))).toEqual({ kind: 'checkpoint', version: 0 });
    for (const other of [
      '_delta_log/_last_checkpoint',
      '_delta_log/00000000000000000012.crc',
      '_delta_log/00000000000000000012.json.tmp',
      '_delta_log/00000000000000000012.checkpoint.0000000001.0000000003.parquet',
      '_delta_log/00000000000000000001.00000000000000000004.compacted.json',
      '_delta_log/_staged_commits/00000000000000000012.json',
      '_delta_log/99999999999999999999.json',
    ]) {
      expect(parseLogKey(other), other).toBeUndefined();
    }
  });

  it('sort after the start of their version and before that of the next', () => {
    expect(beforeVersion(9) < checkpointKey(9)).toBe(true);
    expect(checkpointKey(9) < entryKey(9)).toBe(true);
    expect(entryKey(9) < beforeVersion(10)).toBe(true);
  });
});

describe('encodeEntry', () => {
  it('writes an action a line, bigints as plain integers, a newline at the end', () => {
    const actions: Action[] = [
      { commitInfo: { run: 'r1', rows: 9_007_199_254_740_993n, ratio: 0.5 } },
      { txn: { appId: 'mongolake/guest.bookings', version: 7_434_197_523_128_221_697n } },
    ];
    expect(encodeEntry(actions).toString()).toBe(
      '{"commitInfo":{"run":"r1","rows":9007199254740993,"ratio":0.5}}\n' +
        '{"txn":{"appId":"mongolake/guest.bookings","version":7434197523128221697}}\n',
    );
  });

  it('refuses what other readers could not understand', () => {
    expect(() => encodeEntry([])).toThrow('at least one action');
    expect(() => encodeEntry([{ commitInfo: { rows: Number.NaN } }])).toThrow('64 bits');
    expect(() => encodeEntry([{ txn: { appId: 'a', version: 2n ** 63n } }])).toThrow('64 bits');
  });
});

describe('decodeEntry', () => {
  it('gives txn.version as bigint whatever its size, other integers as numbers', () => {
    const text =
      '{"txn":{"appId":"a","version":5,"lastUpdated":1700000000000}}\n{"txn":{"appId":"b","version":9007199254740993}}\n';
    expect(decodeText(text)).toEqual([
      { txn: { appId: 'a', version: 5n, lastUpdated: 1_700_000_000_000 } },
      { txn: { appId: 'b', version: 9_007_199_254_740_993n } },
    ]);
  });

  it('passes over actions, fields and nulls that it does not know', () => {
    const text = [
      '{"cdc":{"path":"_change_data/a.parquet","size":1}}',
      '{"domainMetadata":{"domain":"x","configuration":"{}","removed":false}}',
      '',
      '{"add":{"path":"a%20b.parquet","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true,"stats":null,' +
        '"tags":{"k":"v","gone":null},"baseRowId":null,"clusteringProvider":"x"},"remove":null}\r',
      '{"remove":{"path":"c.parquet","deletionTimestamp":3,"dataChange":false,"partitionValues":{"d":null}}}',
    ].join('\n');
    expect(decodeText(text)).toStrictEqual([
      {
        add: {
          path: 'a%20b.parquet',
          partitionValues: {},
          size: 1,
          modificationTime: 2,
          dataChange: true,
          tags: { k: 'v' },
        },
      },
      { remove: { path: 'c.parquet', deletionTimestamp: 3, dataChange: false, partitionValues: { d: null } } },
    ]);
  });

  it('brings back a protocol that we do not follow, for the caller to refuse', () => {
    const text = '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["v2Checkpoint"]}}';
    expect(decodeText(text)).toEqual([
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['v2Checkpoint'] } },
    ]);
  });

  it('names the entry and the line that it can not understand', () => {
    const cases: readonly [text: string, message: RegExp][] = [
      ['{"commitInfo":{}}\n{"add":{"path":"a', /7\.json, line 2: not JSON/],
      ['{"txn":{"appId":"a","version":12345678901234567890', /line 1: not JSON/],
      ['5', /line 1: it is not a JSON object/],
      ['', /7\.json: it is empty/],
      [' \n\n', /7\.json: it is empty/],
      ['{"add":{"partitionValues":{},"size":1,"modificationTime":2,"dataChange":true}}', /add: path is missing/],
      ['{"add":{"path":"a","size":1.5,"modificationTime":2,"dataChange":true}}', /add: size is not an integer/],
      ['{"txn":{"appId":"a","version":9223372036854775808}}', /txn: version is not a 64-bit integer/],
      ['{"metaData":{"id":"x","schemaString":"{}","configuration":{"a":1}}}', /configuration\.a is not a string/],
      ['{"metaData":{"id":"x","schemaString":"{}","partitionColumns":"day"}}', /partitionColumns is not an array/],
    ];
    for (const [text, message] of cases) {
      expect(corruptAt(text), text).toMatchObject({ code: 'TABLE_CORRUPT', message: expect.stringMatching(message) });
    }
    const notUtf8 = thrownBy(() => decodeEntry(Buffer.from([0x7b, 0xff, 0x7d]), NAME));
    expect(notUtf8).toMatchObject({ code: 'TABLE_CORRUPT', message: expect.stringContaining('not UTF-8') });
  });
});

const int64 = fc.oneof(
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 53n) - 1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const text = fc.string({ unit: 'binary' });
const path = fc.oneof(
  fc.webPath(),
  text.map(encodeURIComponent),
  text,
  fc.constant('data/a%2520b/%F0%9F%98%80.parquet'),
);
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'mongolake.lower'));
const texts = fc.dictionary(key, text, { noNullPrototype: true });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
// Plain objects, as decoding gives them; fast-check would mix in some without a prototype.
const plain = { noNullPrototype: true };
const optional = { requiredKeys: [] as [], noNullPrototype: true };

const add = fc
  .record({ path, size: count, modificationTime: count, dataChange: fc.boolean(), partitionValues: texts }, plain)
  .chain((base) => fc.record({ stats: text, tags: texts }, optional).map((more) => ({ add: { ...base, ...more } })));
const remove = fc
  .record({ path, dataChange: fc.boolean() }, plain)
  .chain((base) =>
    fc
      .record({ deletionTimestamp: count, size: count, tags: texts, extendedFileMetadata: fc.boolean() }, optional)
      .map((more) => ({ remove: { ...base, ...more } })),
  );
const txn = fc.record({ appId: text, version: int64 }, plain).map((txn) => ({ txn }));
// A whole double has the same JSON as an integer, and comes back as one.
const fraction = fc.double({ noDefaultInfinity: true, noNaN: true }).filter((value) => !Number.isInteger(value));
const commitInfo = fc
  .dictionary(text, fc.oneof(text, count, fc.boolean(), fraction), {
    noNullPrototype: true,
  })
  .map((commitInfo) => ({ commitInfo }));
const metaData = fc
  .record(
    {
      id: text,
      schemaString: text,
      format: fc.record({ provider: text, options: texts }, plain),
      partitionColumns: fc.array(text),
      configuration: texts,
      createdTime: count,
    },
    plain,
  )
  .map((metaData) => ({ metaData }));

describe('entry round trip', () => {
  it('brings every action back as it was, 64-bit integers and any text included', { timeout: 60_000 }, () => {
    const actions: fc.Arbitrary<Action[]> = fc.array(fc.oneof(add, remove, txn, commitInfo, metaData), {
      minLength: 1,
    });
    fc.assert(
      fc.property(actions, (actions) => {
        expect(decodeEntry(encodeEntry(actions), NAME)).toStrictEqual(actions);
      }),
      { numRuns: 500 },
    );
  });

  it('reads integers of 64 bits exactly beside strings with quotes, backslashes and digits', {
    timeout: 60_000,
  }, () => {
    fc.assert(
      fc.property(
        int64,
        fc.oneof(text, fc.constantFrom('\\', '"', '\\"', '\\\\', '1234567890123456789')),
        (value, note) => {
          const written = encodeEntry([{ commitInfo: { note, value, again: note } }]);
          const read = decodeEntry(written, NAME)[0];
          expect(read).toHaveProperty('commitInfo.note', note);
          expect(BigInt(Object(read).commitInfo.value)).toBe(value);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
