import { describe, expect, it } from 'vitest';
import { readFiles } from '../../src/coordinator/files.ts';
import { readChosen, type VersionChoice } from '../../src/coordinator/versions.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action } from '../../src/shared/domain/delta/actions.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { actionsOf, checkpointAt, putEntry } from './log-table.ts';

const version = (number: number): VersionChoice => ({ kind: 'version', version: number });
const at = (time: number): VersionChoice => ({ kind: 'at', time });
const NEWEST: VersionChoice = { kind: 'newest' };

/** Version n was committed at 1000 n. */
async function timedTable(versions: number): Promise<Storage> {
  const storage = memoryStorage();
  for (let n = 0; n < versions; n++) {
    const info: Action = { commitInfo: { timestamp: n * 1000 } };
    await putEntry(storage, n, [info, ...actionsOf(n).filter((action) => !('commitInfo' in action))]);
  }
  return storage;
}

const found = async (storage: Storage, choice: VersionChoice) => {
  const { snapshot, time } = await readChosen(storage, choice);
  return [snapshot.version, time];
};

describe('the version that is meant', () => {
  it('is the newest, that of a number, or the newest that was committed no later than a time', async () => {
    const storage = await timedTable(7);
    expect(await found(storage, NEWEST)).toEqual([6, 6000]);
    expect(await found(storage, version(2))).toEqual([2, 2000]);
    for (const [time, expected] of [
      [0, 0],
      [2999, 2],
      [3000, 3],
      [3001, 3],
      [9e9, 6],
    ] as const) {
      expect(await found(storage, at(time)), String(time)).toEqual([expected, expected * 1000]);
    }
  });

  it('has the files of then', async () => {
    const { files } = await readFiles(await timedTable(7), version(4));
    expect(files.map(({ uri }) => uri)).toEqual(['memory:/f2', 'memory:/f3', 'memory:/f4']);
  });

  it('is found by few entries', async () => {
    const storage = await timedTable(64);
    const read: string[] = [];
    const counted: Storage = {
      ...storage,
      get: (key, ...rest) => {
        read.push(key);
        return storage.get(key, ...rest);
      },
    };
    await readChosen(counted, at(0));
    // Seven for the search; the rest is the version itself.
    expect(read.length).toBeLessThan(12);
  });

  it('goes by the store’s time where an entry tells none', async () => {
    const storage = memoryStorage('memory:', { now: () => 5000 } as never);
    await putEntry(storage, 0);
    expect(await found(storage, at(5000))).toEqual([0, 5000]);
    await expect(readChosen(storage, at(4999))).rejects.toMatchObject({ code: 'VERSION_MISSING' });
  });

  it('that is not there yet, or before the first, is told with those that are', async () => {
    const storage = await timedTable(3);
    await expect(readChosen(storage, version(3))).rejects.toMatchObject({
      code: 'VERSION_MISSING',
      exitCode: 1,
      message: expect.stringMatching(/version 3 .* 0 to 2$/),
    });
    await expect(readChosen(storage, at(-1))).rejects.toMatchObject({
      code: 'VERSION_MISSING',
      message: expect.stringContaining('the version of 1969-12-31T23:59:59.999Z'),
    });
  });

  it('that was cleaned out of the log is told with the oldest that can be read', async () => {
    const storage = await timedTable(9);
    await checkpointAt(storage, 5);
    await storage.delete([0, 1, 2, 3, 4, 5].map(entryKey));
    expect(await found(storage, version(5))).toEqual([5, undefined]);
    expect(await found(storage, version(6))).toEqual([6, 6000]);
    for (const choice of [version(4), version(0), at(5500)]) {
      await expect(readChosen(storage, choice)).rejects.toMatchObject({
        code: 'VERSION_MISSING',
        message: expect.stringContaining('are 5 to 8'),
      });
    }
    await storage.delete(['_delta_log/00000000000000000005.checkpoint.parquet']);
    await expect(readChosen(storage, version(7))).rejects.toMatchObject({
      message: expect.stringContaining('none can be read'),
    });
  });

  it('of no table is no table, nor is a log that a fence began', async () => {
    const begun = memoryStorage();
    const actions = actionsOf(0).map((action) =>
      'metaData' in action
        ? { metaData: { ...action.metaData, configuration: { 'mongolake.pending': 'true' } } }
        : action,
    );
    await putEntry(begun, 0, actions);
    await expect(readChosen(begun, version(0))).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    for (const choice of [NEWEST, version(0), at(0)])
      await expect(readChosen(memoryStorage(), choice)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
  });
});
