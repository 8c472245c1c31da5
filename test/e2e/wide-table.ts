import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { readVersion } from '../../src/coordinator/log.ts';
import { TAGS } from '../../src/coordinator/table.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import type { Action } from '../../src/shared/domain/delta/actions.ts';
import { encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';

/** What the table of `writeWideTable` is like. */
export interface WideTable {
  readonly partitions: number;
  readonly versions: number;
}

const STEP_MS = 900_000;
const START = Date.parse('2026-03-01T00:00:00Z');
const HEAD = 'mongolake/guest.wide/head';

/** The log of a table in a folder, as if it had been synced every quarter of an hour; the data files that it names are not there. */
export async function writeWideTable(folder: string, { partitions, versions }: WideTable): Promise<void> {
  mkdirSync(join(folder, '_delta_log'), { recursive: true });
  for (let version = 0; version < versions; version++) {
    const start = version === 0 ? [...tableActions(partitions), ...files(partitions)] : [];
    const schema = version === versions - 20 ? [metaData(partitions, ['_id', 'status', 'campaign'])] : [];
    const actions = [commitInfo(version), ...start, ...schema, head(version)];
    writeFileSync(join(folder, entryKey(version)), encodeEntry(actions));
  }
  const storage = fileStorage(folder, systemClock());
  const snapshot = await readVersion(storage, versions - 5);
  if (snapshot === undefined) throw new Error('the table has no such version');
  await writeCheckpoint(storage, snapshot, 0, 0);
  await storage.close();
}

function commitInfo(version: number): Action {
  const timestamp = START + version * STEP_MS;
  const inserted = version === 0 ? 1_000_000 : (version * 37) % 500;
  const counts = { read: inserted, inserted, updated: 0, deleted: 0, unchanged: 0, superseded: 0, quarantined: 0 };
  const startedAt = timestamp - 2000 - ((version * 131) % 9000);
  const operation = version === 0 ? 'BACKFILL' : 'SYNC';
  return { commitInfo: { timestamp, operation, mongolake: { run: `r${version}`, counts, startedAt } } };
}

function tableActions(partitions: number): readonly Action[] {
  return [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, metaData(partitions, ['_id', 'status'])];
}

function metaData(partitions: number, columns: readonly string[]): Action {
  const fields = columns.map((name) => ({
    name,
    type: 'string',
    nullable: true,
    metadata: { 'mongolake.source': name, 'mongolake.kind': 'string' },
  }));
  return {
    metaData: {
      id: 'wide',
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify({ type: 'struct', fields }),
      partitionColumns: [],
      configuration: {
        'mongolake.source': 'guest.wide',
        'mongolake.partitions': String(partitions),
        'mongolake.hash': 'xxh32-1',
        'mongolake.idType': 'string:string',
        'mongolake.engine': 'duckdb',
      },
    },
  };
}

function head(version: number): Action {
  return { txn: { appId: HEAD, version: BigInt(version) } };
}

/** One file for each partition; the larger the number the larger it is. */
function files(partitions: number): readonly Action[] {
  return Array.from({ length: partitions }, (_, partition) => ({
    add: {
      path: `data/${String(partition).padStart(6, '0')}/r0-a-0.parquet`,
      partitionValues: {},
      size: 1_000_000 + partition * 1000,
      modificationTime: START,
      dataChange: true,
      stats: JSON.stringify({ numRecords: 1000 }),
      tags: { [TAGS.partition]: String(partition) },
    },
  }));
}
