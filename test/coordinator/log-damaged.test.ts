import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { openTable, readVersion } from '../../src/coordinator/log.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action } from '../../src/shared/domain/delta/actions.ts';
import { checkpointKey, entryKey, LAST_CHECKPOINT_KEY } from '../../src/shared/domain/delta/entry.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { actionsOf, checkpointAt, expectState, opened, putEntry, table } from './log-table.ts';

describe('a damaged log', () => {
  const corrupt = (message: RegExp): object => ({ code: 'TABLE_CORRUPT', message: expect.stringMatching(message) });

  it('is refused for a gap', async () => {
    const storage = await table(20);
    await storage.delete([entryKey(7)]);
    await expect(openTable(storage)).rejects.toMatchObject(corrupt(/entry 7 is missing, but 8 is there/));
    await storage.delete([entryKey(0)]);
    await expect(openTable(storage)).rejects.toMatchObject(corrupt(/neither a checkpoint .* nor the first entry/));
  });

  it('is refused for a gap after the checkpoint', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 15);
    await storage.delete([entryKey(16)]);
    await expect(openTable(storage)).rejects.toMatchObject(corrupt(/entry 16 is missing/));
  });

  it('is refused for an entry that is not JSON, by its name', async () => {
    const storage = await table(20);
    await storage.put(entryKey(6), Buffer.from('{"add":{"pa'));
    await expect(openTable(storage)).rejects.toMatchObject(corrupt(/00000000000000000006\.json, line 1: not JSON/));
  });

  it('is opened in spite of a damaged pointer, with a note', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 15);
    for (const [damaged, fault] of [
      ['{"version":', /not JSON/],
      ['{"size":3}', /names no version/],
      ['{"version":14,"size":3,"parts":4}', undefined],
      ['{"version":17,"size":3}', /checkpoint 17 that it names can't be used/],
      ['{"version":4000,"size":3}', /checkpoint 4000 that it names can't be used/],
    ] as const) {
      await storage.put(LAST_CHECKPOINT_KEY, Buffer.from(damaged));
      const { snapshot, checkpointVersion, notes } = await opened(storage);
      expectState(snapshot, 19);
      expect(checkpointVersion).toBe(15);
      expect(notes, damaged).toEqual(fault === undefined ? [] : [expect.stringMatching(fault)]);
    }
  });

  it('is opened in spite of a damaged checkpoint: from an older one, or from all entries', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 5);
    await checkpointAt(storage, 15);
    await storage.put(checkpointKey(15), Buffer.from('PAR1 not much of a checkpoint PAR1'));
    const fromOlder = await opened(storage);
    expectState(fromOlder.snapshot, 19);
    expect(fromOlder.checkpointVersion).toBe(5);
    expect(fromOlder.notes.join('\n')).toMatch(/0015\.checkpoint\.parquet can't be read/);
    await storage.put(checkpointKey(5), Buffer.alloc(0));
    const fromAll = await opened(storage);
    expectState(fromAll.snapshot, 19);
    expect(fromAll.checkpointVersion).toBeUndefined();
    expect(fromAll.notes).toHaveLength(3);
  });

  it('is not read from a checkpoint in which one name is another, but from an older one', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 5);
    await checkpointAt(storage, 15);
    const other = await table(20);
    const renamed = actionsOf(14).map((action) => ('add' in action ? { add: { ...action.add, path: 'f94' } } : action));
    await putEntry(other, 14, renamed);
    await checkpointAt(other, 15);
    const damaged = (await other.get(checkpointKey(15)))?.body ?? Buffer.alloc(0);
    await storage.put(checkpointKey(15), damaged);
    const fromOlder = await opened(storage);
    expectState(fromOlder.snapshot, 19);
    expect(fromOlder.checkpointVersion).toBe(5);
    expect(fromOlder.notes.join('\n')).toMatch(/0015\.checkpoint\.parquet can't be read .* another checksum/);
    expectState(await readVersion(storage, 16), 16);
    // Without its checksum, as an older version of ours left it, nobody would know.
    const pointer = JSON.parse((await storage.get(LAST_CHECKPOINT_KEY))?.body.toString() ?? '');
    await storage.put(LAST_CHECKPOINT_KEY, Buffer.from(JSON.stringify({ ...pointer, tags: undefined })));
    expect((await opened(storage)).checkpointVersion).toBe(15);
  });

  it('is read again where it was damaged on its way', async () => {
    const inner = await table(20);
    await checkpointAt(inner, 15);
    const damaged = new Set([checkpointKey(15), entryKey(17)]);
    const storage: Storage = {
      ...inner,
      get: async (key) => {
        const found = await inner.get(key);
        return found && damaged.delete(key) ? { ...found, body: found.body.subarray(7) } : found;
      },
    };
    const { snapshot, checkpointVersion, notes } = await opened(storage);
    expectState(snapshot, 19);
    expect({ checkpointVersion, notes, left: damaged.size }).toEqual({ checkpointVersion: 15, notes: [], left: 0 });
  });

  it('is refused where the only checkpoint is damaged and entries are gone, saying so', async () => {
    const storage = await table(20);
    await checkpointAt(storage, 15);
    await storage.delete([0, 1, 2].map(entryKey));
    await storage.put(checkpointKey(15), Buffer.from('{}'));
    await expect(openTable(storage)).rejects.toMatchObject(
      corrupt(/nor the first entry.*0015\.checkpoint\.parquet can't be read/),
    );
  });

  it('is not taken for an empty folder while a pointer is there', async () => {
    const storage = memoryStorage();
    await storage.put(LAST_CHECKPOINT_KEY, Buffer.from('{"version":3,"size":1}'));
    await expect(openTable(storage)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
  });

  it('is refused where an entry goes away while it is read', async () => {
    const inner = await table(20);
    const storage: Storage = { ...inner, get: async (key) => (key === entryKey(9) ? undefined : inner.get(key)) };
    await expect(openTable(storage)).rejects.toMatchObject(corrupt(/entry 9 was listed but is not there/));
  });
});

describe('a foreign log', () => {
  const newer: Action = { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'] } };

  it('is refused by an entry of a newer protocol', async () => {
    const storage = await table(5);
    await putEntry(storage, 5, [newer]);
    await expect(openTable(storage)).rejects.toMatchObject({ code: 'TABLE_FOREIGN' });
  });

  it('is refused by a checkpoint of a newer protocol, which is not passed over as a damaged one is', async () => {
    const storage = await table(5);
    const { snapshot } = await opened(storage);
    await writeCheckpoint(storage, { ...snapshot, protocol: { minReaderVersion: 3, minWriterVersion: 7 } }, 0, 0);
    await expect(openTable(storage)).rejects.toMatchObject({ code: 'TABLE_FOREIGN' });
  });

  it('lets errors of the storage pass', async () => {
    const inner = await table(20);
    await checkpointAt(inner, 15);
    for (const failing of [LAST_CHECKPOINT_KEY, checkpointKey(15), entryKey(17)]) {
      const storage: Storage = {
        ...inner,
        get: async (key) => {
          if (key === failing) throw new Error('connection reset');
          return inner.get(key);
        },
      };
      await expect(openTable(storage), failing).rejects.toThrow('connection reset');
    }
  });
});
