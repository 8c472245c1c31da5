import { readVersion } from '../../src/coordinator/log.ts';
import { type RestoreContext, type RestoreResult, restoreTable } from '../../src/coordinator/restore.ts';
import { openState, type TableState } from '../../src/coordinator/table.ts';
import { encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';
import { LEASE_KEY } from '../../src/shared/domain/keys.ts';
import { type Harness, SETTINGS } from './table-harness.ts';

export const MINUTE = 60_000;
export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const NAMESPACE = { database: 'guest', collection: 'notifications' };

/** A document, minutes from noon. */
export const made = (_id: number, minutes: number, more: Record<string, unknown> = {}) => ({
  _id,
  updateTime: new Date(NOW + minutes * MINUTE),
  ...more,
});

export function restoreTo(
  table: Harness,
  version: number,
  change: Partial<RestoreContext> = {},
  settings = SETTINGS,
): Promise<RestoreResult> {
  const request = { choice: { kind: 'version', version }, namespace: NAMESPACE, settings } as const;
  return restoreTable(request, { ...table.runContext, ...change });
}

/** The table, which must be there. */
export async function stateOf({ storage }: Harness): Promise<TableState> {
  const found = await openState(storage);
  if (found === undefined) throw new Error('there is no table');
  return found;
}

/** The files of a version. */
export async function keysAt({ storage }: Harness, version: number): Promise<string[]> {
  return [...((await readVersion(storage, version))?.files.keys() ?? [])].sort();
}

/** Version 0 at noon has documents 1 to 20; version 1 an hour later another column, another document and a newer one. */
export async function loadTwo(table: Harness): Promise<void> {
  table.collection.documents = Array.from({ length: 20 }, (_, id) => made(id + 1, -60));
  await table.sync();
  table.collection.now += 60 * MINUTE;
  table.collection.documents = [made(1, 30, { a: 'new' }), made(21, 40)];
  await table.sync();
}

/** As another engine would: one file instead of another, under no tag of ours. */
export async function optimize(table: Harness, version: number): Promise<void> {
  const [path = ''] = (await stateOf(table)).snapshot.files.keys();
  const entry = encodeEntry([
    { commitInfo: { timestamp: 1, operation: 'OPTIMIZE', engineInfo: 'Apache-Spark/3.5.9' } },
    { remove: { path, dataChange: false, deletionTimestamp: table.collection.now } },
    { add: { path: 'part-0.parquet', partitionValues: {}, size: 1, modificationTime: 1, dataChange: false } },
  ]);
  await table.storage.put(entryKey(version), entry);
}

/** A lease of someone else's. */
export async function leaveLease(
  { storage, collection }: Harness,
  state: 'held' | 'unsettled',
  ttlMs = 1e6,
): Promise<void> {
  const body = {
    formatVersion: 1,
    epoch: 9,
    state,
    owner: 'a:1',
    run: 'gone',
    nonce: 'x',
    renewedAt: collection.now,
    ttlMs,
  };
  await storage.put(LEASE_KEY, Buffer.from(JSON.stringify(body)));
}
