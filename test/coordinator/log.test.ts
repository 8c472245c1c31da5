import { describe, expect, it } from 'vitest';
import { listLog, listVersions, openTable, readEntry, readVersion } from '../../src/coordinator/log.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { checkpointKey, encodeEntry, entryKey, LAST_CHECKPOINT_KEY } from '../../src/shared/domain/delta/entry.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { actionsOf, checkpointAt, expectState, opened, table } from './log-table.ts';

/** The storage, with the keys that were read. */
function watched(storage: Storage): { readonly storage: Storage; readonly reads: string[] } {
  const reads: string[] = [];
  const get: Storage['get'] = (key, range) => {
    reads.push(key);
    return storage.get(key, range);
  };
  return { reads, storage: { ...storage, get } };
}

describe('openTable', () => {
  it('gives nothing for a folder without a log', async () => {
    const storage = memoryStorage();
    expect(await openTable(storage)).toBeUndefined();
    await storage.put('data/x.parquet', Buffer.from('x'));
    await storage.put('_delta_log/_staged_commits/00000000000000000000.json', Buffer.from('x'));
    expect(await openTable(storage)).toBeUndefined();
  });

  it('replays every entry where there is no checkpoint', async () => {
    for (const versions of [1, 2, 9, 40]) {
      const { snapshot, checkpointVersion, notes } = await opened(await table(versions));
      expectState(snapshot, versions - 1);
      expect(checkpointVersion).toBeUndefined();
      expect(notes).toEqual([]);
    }
  });

  it('starts at the checkpoint and reads only the entries after it', async () => {
    const inner = await table(20);
    await checkpointAt(inner, 15);
    const { storage, reads } = watched(inner);
    const { snapshot, checkpointVersion, notes } = await opened(storage);
    expectState(snapshot, 19);
    expect(checkpointVersion).toBe(15);
    expect(notes).toEqual([]);
    expect(reads).toEqual([LAST_CHECKPOINT_KEY, checkpointKey(15), ...[16, 17, 18, 19].map(entryKey)]);
  });

  it('needs no entry that a checkpoint covers', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 15);
    await storage.delete(Array.from({ length: 16 }, (_, version) => entryKey(version)));
    expectState((await opened(storage)).snapshot, 19);
    await storage.delete([16, 17, 18, 19].map(entryKey));
    expectState((await opened(storage)).snapshot, 15);
  });

  it('takes a newer checkpoint than the one that is pointed to', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 5);
    const pointer = await storage.get(LAST_CHECKPOINT_KEY);
    await checkpointAt(storage, 12);
    await storage.put(LAST_CHECKPOINT_KEY, pointer?.body ?? Buffer.alloc(0));
    const { snapshot, checkpointVersion } = await opened(storage);
    expectState(snapshot, 19);
    expect(checkpointVersion).toBe(12);
  });

  it('passes over other files in the log', async () => {
    const storage = await table(5);
    await storage.put('_delta_log/00000000000000000004.crc', Buffer.from('x'));
    await storage.put('_delta_log/00000000000000000009.json.tmp', Buffer.from('x'));
    await storage.put('_delta_log/00000000000000000003.checkpoint.0000000001.0000000002.parquet', Buffer.from('x'));
    expectState((await opened(storage)).snapshot, 4);
  });

  it('gives the same state whether a checkpoint is used or not', async () => {
    const storage = await table(20);
    const { snapshot } = await opened(storage);
    await checkpointAt(storage, 11);
    expect((await opened(storage)).snapshot).toEqual(snapshot);
  });

  it('keeps few entries in flight, and their order whichever answers first', async () => {
    const inner = await table(40);
    let inFlight = 0;
    let most = 0;
    const storage: Storage = {
      ...inner,
      get: async (key, range) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        for (let turns = 1 + ((inFlight * 3) % 5); turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        return inner.get(key, range);
      },
    };
    expectState((await opened(storage)).snapshot, 39);
    expect(most).toBe(8);
  });
});

describe('readVersion', () => {
  it('gives any version that can still be told, and nothing for others', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 5);
    await checkpointAt(storage, 15);
    for (const version of [0, 4, 5, 6, 14, 15, 16, 19]) expectState(await readVersion(storage, version), version);
    expect(await readVersion(storage, 20)).toBeUndefined();
    // As a cleanup leaves it: nothing older than a checkpoint.
    await storage.delete([checkpointKey(5), ...Array.from({ length: 15 }, (_, version) => entryKey(version))]);
    for (const version of [0, 5, 14]) expect(await readVersion(storage, version)).toBeUndefined();
    for (const version of [15, 16, 19]) expectState(await readVersion(storage, version), version);
  });

  it('uses no checkpoint that is newer', async () => {
    const inner = await table(20);
    await checkpointAt(inner, 5);
    await checkpointAt(inner, 15);
    const { storage, reads } = watched(inner);
    expectState(await readVersion(storage, 7), 7);
    expect(reads).toEqual([LAST_CHECKPOINT_KEY, checkpointKey(5), entryKey(6), entryKey(7)]);
  });
});

describe('the rest of the log', () => {
  it('reads one entry', async () => {
    const storage = await table(3);
    expect(await readEntry(storage, 1)).toEqual(actionsOf(1));
    expect(await readEntry(storage, 3)).toBeUndefined();
  });

  it('lists versions and checkpoints, from and to', async () => {
    const storage = await table(12);
    await checkpointAt(storage, 3);
    await checkpointAt(storage, 9);
    const versions = (objects: readonly { version: number }[]): number[] => objects.map(({ version }) => version);
    expect(versions(await listVersions(storage))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const { entries, checkpoints } = await listLog(storage, 3, 9);
    expect(versions(entries)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(versions(checkpoints)).toEqual([3, 9]);
    expect(entries[0]).toEqual({ version: 3, size: encodeEntry(actionsOf(3)).length, modifiedAt: 4 });
  });
});
