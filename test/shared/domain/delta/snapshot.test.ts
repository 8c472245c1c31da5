import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action, AddFile, RemoveFile, Snapshot } from '../../../../src/shared/domain/delta/actions.ts';
import {
  applyAction,
  applyEntry,
  draftOf,
  finishDraft,
  withoutExpired,
} from '../../../../src/shared/domain/delta/snapshot.ts';

const protocol: Action = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
const metaData = (id: string): Action => ({
  metaData: {
    id,
    format: { provider: 'parquet', options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration: { 'someone.else': 'kept' },
  },
});
const add = (path: string, size = 1): { add: AddFile } => ({
  add: { path, partitionValues: {}, size, modificationTime: 1, dataChange: true },
});
const remove = (path: string, deletionTimestamp?: number): { remove: RemoveFile } => ({
  remove: { path, dataChange: true, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
});
const txn = (appId: string, version: bigint): Action => ({ txn: { appId, version } });

function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('applyEntry', () => {
  const first = applyEntry(undefined, 0, [
    { commitInfo: {} },
    protocol,
    metaData('m0'),
    add('a'),
    add('b'),
    txn('w', 5n),
  ]);

  it('takes a table from its first entry', () => {
    expect(first.version).toBe(0);
    expect([...first.files.keys()]).toEqual(['a', 'b']);
    expect(first.txns.get('w')?.version).toBe(5n);
    expect(first.metadata.configuration).toEqual({ 'someone.else': 'kept' });
  });

  it('replaces files, remembers what was removed, keeps what the entry does not mention', () => {
    const second = applyEntry(first, 1, [
      remove('a', 9),
      add('c'),
      add('b', 2),
      txn('w', 4n),
      txn('x', 1n),
      metaData('m1'),
    ]);
    expect([...second.files.values()].map(({ path, size }) => [path, size])).toEqual([
      ['b', 2],
      ['c', 1],
    ]);
    expect([...second.tombstones.keys()]).toEqual(['a']);
    expect(second.txns.get('w')?.version).toBe(4n);
    expect(second.txns.get('x')?.version).toBe(1n);
    expect(second.metadata.id).toBe('m1');
    expect(second.protocol).toEqual(first.protocol);
  });

  it('takes a path that is added again out of the tombstones', () => {
    const removed = applyEntry(first, 1, [remove('a', 9)]);
    const again = applyEntry(removed, 2, [add('a', 3)]);
    expect(again.tombstones.size).toBe(0);
    expect(again.files.get('a')?.size).toBe(3);
  });

  it('leaves the snapshot that it starts from alone', () => {
    applyEntry(first, 1, [remove('a', 9), txn('w', 6n)]);
    expect(first.files.has('a')).toBe(true);
    expect(first.tombstones.size).toBe(0);
    expect(first.txns.get('w')?.version).toBe(5n);
  });

  it('says nothing about data change in a state', () => {
    expect([...first.files.values()].every((file) => !file.dataChange)).toBe(true);
  });

  it('refuses a version that does not follow', () => {
    expect(thrownBy(() => applyEntry(first, 2, []))).toMatchObject({ code: 'TABLE_CORRUPT' });
    expect(thrownBy(() => applyEntry(first, 0, []))).toMatchObject({ code: 'TABLE_CORRUPT' });
    expect(thrownBy(() => applyEntry(undefined, 1, [protocol, metaData('m')]))).toMatchObject({
      code: 'TABLE_CORRUPT',
    });
  });

  it('refuses a table without protocol or metaData', () => {
    expect(thrownBy(() => applyEntry(undefined, 0, [protocol]))).toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('metaData'),
    });
    expect(thrownBy(() => applyEntry(undefined, 0, [metaData('m')]))).toMatchObject({ code: 'TABLE_CORRUPT' });
  });

  it('refuses a protocol above reader 1, writer 2, naming its features', () => {
    const newer: Action = {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['deletionVectors'],
        writerFeatures: ['rowTracking'],
      },
    };
    expect(thrownBy(() => applyEntry(first, 1, [newer]))).toMatchObject({
      code: 'TABLE_FOREIGN',
      message: expect.stringContaining('reader 3, writer 7 (deletionVectors, rowTracking)'),
      hint: expect.stringContaining('Another engine'),
    });
    const writerOnly: Action = { protocol: { minReaderVersion: 1, minWriterVersion: 3 } };
    expect(thrownBy(() => applyEntry(first, 1, [writerOnly]))).toMatchObject({ code: 'TABLE_FOREIGN' });
    const older: Action = { protocol: { minReaderVersion: 1, minWriterVersion: 1 } };
    expect(applyEntry(first, 1, [older]).protocol.minWriterVersion).toBe(1);
  });
});

describe('withoutExpired', () => {
  it('drops tombstones from before the time, and those without one', () => {
    const base = applyEntry(undefined, 0, [protocol, metaData('m'), add('live')]);
    const removed = applyEntry(base, 1, [
      remove('old', 99),
      remove('edge', 100),
      remove('new', 101),
      remove('timeless'),
    ]);
    const kept = withoutExpired(removed, 100);
    expect([...kept.tombstones.keys()]).toEqual(['edge', 'new']);
    expect([...kept.files.keys()]).toEqual(['live']);
    expect(removed.tombstones.size).toBe(4);
  });
});

describe('replay', () => {
  const path = fc.constantFrom('a', 'b', 'c', 'd');
  const action: fc.Arbitrary<Action> = fc.oneof(
    fc.tuple(path, fc.nat()).map(([path, size]) => add(path, size)),
    fc.tuple(path, fc.nat()).map(([path, time]) => remove(path, time)),
    fc
      .tuple(fc.constantFrom('w', 'x'), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }))
      .map(([id, version]) => txn(id, version)),
    fc.constantFrom(metaData('m1'), metaData('m2'), { commitInfo: { any: 1 } }),
  );

  it('gives the same state in one go as entry by entry, and no path is both live and removed', () => {
    fc.assert(
      fc.property(fc.array(fc.array(action)), (entries) => {
        const all = [[protocol, metaData('m0')], ...entries];
        const draft = draftOf(undefined);
        for (const entry of all) for (const action of entry) applyAction(draft, action);
        const atOnce = finishDraft(draft, entries.length);
        let stepwise: Snapshot | undefined;
        for (const [version, entry] of all.entries()) stepwise = applyEntry(stepwise, version, entry);
        expect(atOnce).toEqual(stepwise);
        expect([...atOnce.files.keys()].filter((path) => atOnce.tombstones.has(path))).toEqual([]);
      }),
    );
  });
});
