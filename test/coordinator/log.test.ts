import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { listLog, listVersions, openTable, readEntry, readVersion } from '../../src/coordinator/log.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action, Snapshot } from '../../src/shared/domain/delta/actions.ts';
import { checkpointKey, encodeEntry, entryKey, LAST_CHECKPOINT_KEY } from '../../src/shared/domain/delta/entry.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';

const protocol: Action = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
const metaData: Action = {
  metaData: {
    id: 'm',
    format: { provider: 'parquet', options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration: {},
  },
};

/** Version n adds file n, removes file n - 3, and counts the watermark up. */
function actionsOf(version: number): Action[] {
  const add = { path: `f${version}`, partitionValues: {}, size: version, modificationTime: 1, dataChange: true };
  const actions: Action[] = [{ commitInfo: { run: `r${version}` } }, { add }];
  if (version === 0) actions.push(protocol, metaData);
  if (version >= 3) actions.push({ remove: { path: `f${version - 3}`, dataChange: true, deletionTimestamp: version } });
  return [...actions, { txn: { appId: 'w', version: 2n ** 60n + BigInt(version) } }];
}

const putEntry = (storage: Storage, version: number, actions = actionsOf(version)): Promise<unknown> =>
  storage.put(entryKey(version), encodeEntry(actions));

async function table(versions: number): Promise<Storage> {
  const storage = memoryStorage();
  for (let version = 0; version < versions; version++) await putEntry(storage, version);
  return storage;
}

async function opened(storage: Storage): Promise<NonNullable<Awaited<ReturnType<typeof openTable>>>> {
  const table = await openTable(storage);
  if (table === undefined) throw new Error('there is no table');
  return table;
}

async function checkpointAt(storage: Storage, version: number): Promise<void> {
  const snapshot = await readVersion(storage, version);
  if (snapshot === undefined) throw new Error(`no version ${version}`);
  await writeCheckpoint(storage, snapshot, 0, 0);
}

function expectState(snapshot: Snapshot | undefined, version: number): void {
  expect(snapshot?.version).toBe(version);
  const live = [version - 2, version - 1, version].filter((number) => number >= 0).map((number) => `f${number}`);
  expect([...(snapshot?.files.keys() ?? [])]).toEqual(live);
  expect(snapshot?.txns.get('w')?.version).toBe(2n ** 60n + BigInt(version));
  expect([...(snapshot?.tombstones.keys() ?? [])]).toEqual(
    Array.from({ length: Math.max(0, version - 2) }, (_, n) => `f${n}`),
  );
}

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
    expect(reads).toEqual([checkpointKey(5), entryKey(6), entryKey(7)]);
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
