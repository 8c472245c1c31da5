import { describe, expect, it } from 'vitest';
import type { Action } from '../../../../src/shared/domain/delta/actions.ts';
import { decodeEntry, encodeEntry } from '../../../../src/shared/domain/delta/entry.ts';

const NAME = '_delta_log/00000000000000000007.json';
const ACTIONS: readonly Action[] = [
  { commitInfo: { operation: 'SYNC', txnId: 'r1', mongolake: { run: 'r1', note: '"crc32":"00000000"', epoch: 3 } } },
  { txn: { appId: 'mongolake/a.b', version: 9_007_199_254_740_993n } },
  { add: { path: 'data/ä.parquet', partitionValues: {}, size: 5, modificationTime: 1, dataChange: true } },
];

describe('an entry of ours', () => {
  it('carries a checksum, and is read as it was written', () => {
    const [info, ...rest] = decodeEntry(encodeEntry(ACTIONS), NAME);
    expect(info).toEqual({
      commitInfo: {
        operation: 'SYNC',
        txnId: 'r1',
        mongolake: { run: 'r1', note: '"crc32":"00000000"', epoch: 3, crc32: expect.stringMatching(/^[0-9a-f]{8}$/) },
      },
    });
    expect(rest).toEqual(ACTIONS.slice(1));
  });

  it('is the same when it is written again as it was read', () => {
    const entry = encodeEntry(ACTIONS);
    expect(encodeEntry(decodeEntry(entry, NAME)).equals(entry)).toBe(true);
  });

  it('is never taken for another where any one bit of it is turned', () => {
    const entry = encodeEntry(ACTIONS);
    const whole = told(entry);
    let refused = 0;
    for (let at = 0; at < entry.length * 8; at += 1) {
      const damaged = Buffer.from(entry);
      damaged.writeUInt8(damaged.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      try {
        expect(told(damaged)).toBe(whole);
      } catch (error) {
        expect(error).toMatchObject({ code: 'TABLE_CORRUPT', message: expect.stringContaining(NAME) });
        refused += 1;
      }
    }
    // All but those that hide the checksum itself, in the names `commitInfo`, `mongolake` and `crc32`.
    expect(entry.length * 8 - refused).toBeLessThan(26 * 8);
  });

  it('is refused where a line is gone', () => {
    const [info, , add] = encodeEntry(ACTIONS).toString().split('\n');
    expect(() => decodeEntry(Buffer.from(`${info}\n${add}\n`), NAME)).toThrow(
      'its checksum is that of another content',
    );
  });
});

describe('an entry without a checksum', () => {
  it.each([
    [
      'of another writer',
      '{"commitInfo":{"operation":"WRITE","crc32":"12345678"}}\n{"txn":{"appId":"a","version":1}}\n',
    ],
    ['of an older version of ours', '{"commitInfo":{"txnId":"r1","mongolake":{"run":"r1"}}}\n'],
    ['whose mongolake is something else', '{"commitInfo":{"mongolake":null}}\n'],
  ])('%s is taken as it is', (_, text) => {
    expect(decodeEntry(Buffer.from(text), NAME)).not.toEqual([]);
  });
});

/** What the entry says of the table. */
function told(entry: Buffer): string {
  const actions = decodeEntry(entry, NAME).filter((action) => !('commitInfo' in action));
  return JSON.stringify(actions, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
