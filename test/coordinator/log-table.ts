import { expect } from 'vitest';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { openTable, readVersion } from '../../src/coordinator/log.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action, Snapshot } from '../../src/shared/domain/delta/actions.ts';
import { encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';
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
export function actionsOf(version: number): Action[] {
  const add = { path: `f${version}`, partitionValues: {}, size: version, modificationTime: 1, dataChange: true };
  const actions: Action[] = [{ commitInfo: { run: `r${version}` } }, { add }];
  if (version === 0) actions.push(protocol, metaData);
  if (version >= 3) actions.push({ remove: { path: `f${version - 3}`, dataChange: true, deletionTimestamp: version } });
  return [...actions, { txn: { appId: 'w', version: 2n ** 60n + BigInt(version) } }];
}

/** Puts one log entry. */
export const putEntry = (storage: Storage, version: number, actions = actionsOf(version)): Promise<unknown> =>
  storage.put(entryKey(version), encodeEntry(actions));

/** A storage with a table of that many versions. */
export async function table(versions: number): Promise<Storage> {
  const storage = memoryStorage();
  for (let version = 0; version < versions; version++) await putEntry(storage, version);
  return storage;
}

/** The table as `openTable` gives it, which must be there. */
export async function opened(storage: Storage): Promise<NonNullable<Awaited<ReturnType<typeof openTable>>>> {
  const table = await openTable(storage);
  if (table === undefined) throw new Error('there is no table');
  return table;
}

/** Makes the checkpoint of a version. */
export async function checkpointAt(storage: Storage, version: number): Promise<void> {
  const snapshot = await readVersion(storage, version);
  if (snapshot === undefined) throw new Error(`no version ${version}`);
  await writeCheckpoint(storage, snapshot, 0, 0);
}

/** Holds a snapshot against what `actionsOf` makes of its version. */
export function expectState(snapshot: Snapshot | undefined, version: number): void {
  expect(snapshot?.version).toBe(version);
  const live = [version - 2, version - 1, version].filter((number) => number >= 0).map((number) => `f${number}`);
  expect([...(snapshot?.files.keys() ?? [])]).toEqual(live);
  expect(snapshot?.txns.get('w')?.version).toBe(2n ** 60n + BigInt(version));
  expect([...(snapshot?.tombstones.keys() ?? [])]).toEqual(
    Array.from({ length: Math.max(0, version - 2) }, (_, n) => `f${n}`),
  );
}
