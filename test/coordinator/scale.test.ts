import { expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { openTable, readVersion } from '../../src/coordinator/log.ts';
import { openState, TAGS } from '../../src/coordinator/table.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action, AddFile } from '../../src/shared/domain/delta/actions.ts';
import { encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';
import { countedStorage } from './counted-storage.ts';
import { expectState, putEntry } from './log-table.ts';

const LONG = { timeout: 300_000 };

it('of 10,000 versions only those from the checkpoint on are listed and read', LONG, async () => {
  const memory = memoryStorage();
  for (let version = 0; version < 10_000; version++) await putEntry(memory, version);
  const snapshot = await readVersion(memory, 9_990);
  if (snapshot === undefined) throw new Error('no version 9,990');
  await writeCheckpoint(memory, snapshot, 0, 0);
  const { storage, reads, listed } = countedStorage(memory);
  expectState((await openTable(storage))?.snapshot, 9_999);
  expect(listed).toHaveLength(12);
  expect(reads).toHaveLength(11);
});

const PARTITIONS = 1024;
const FILES = 20;
/** Bounds in the order of texts. */
const bound = (n: number) => String(n).padStart(3, '0');

function add(partition: number, n: number): AddFile {
  const stats = {
    numRecords: n + 1,
    minValues: { _id: bound(n) },
    maxValues: { _id: bound(n) },
    nullCount: { _id: 0 },
  };
  return {
    path: `data/${String(partition).padStart(6, '0')}/${n}.parquet`,
    partitionValues: {},
    size: 1000 + n,
    modificationTime: 1,
    dataChange: true,
    stats: JSON.stringify(stats),
    tags: {
      [TAGS.partition]: String(partition),
      ...(n === 0 ? {} : { [TAGS.lower]: bound(n) }),
      ...(n === FILES - 1 ? {} : { [TAGS.upper]: bound(n + 1) }),
      [TAGS.crc32]: '01234567',
    },
  };
}

it(
  '1,024 partitions of 20 files each come back from an entry and from a checkpoint as they were written',
  LONG,
  async () => {
    const storage = memoryStorage();
    const configuration = {
      'mongolake.source': 'guest.notifications',
      'mongolake.partitions': String(PARTITIONS),
      'mongolake.hash': 'xxh32-1',
      'mongolake.idType': 'string:string',
      'mongolake.engine': 'duckdb',
    };
    const schemaString = JSON.stringify({ type: 'struct', fields: [{ name: '_id', type: 'string', nullable: false }] });
    const actions: Action[] = [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          id: 'm',
          format: { provider: 'parquet', options: {} },
          schemaString,
          partitionColumns: [],
          configuration,
        },
      },
      { txn: { appId: 'mongolake/guest.notifications/head', version: 0n } },
    ];
    // Not in the order of ids, which is to come from the bounds.
    for (let n = FILES - 1; n >= 0; n--)
      for (let partition = 0; partition < PARTITIONS; partition++) actions.push({ add: add(partition, n) });
    await storage.put(entryKey(0), encodeEntry(actions));
    const replayed = await openState(storage);
    expect([...(replayed?.files.get(1023) ?? [])]).toEqual(
      Array.from({ length: FILES }, (_, n) => ({
        path: `data/001023/${n}.parquet`,
        size: 1000 + n,
        crc32: '01234567',
        rows: n + 1,
        lower: n === 0 ? null : bound(n),
        upper: n === FILES - 1 ? null : bound(n + 1),
      })),
    );
    expect(replayed?.files.size).toBe(PARTITIONS);
    const { snapshot } = replayed ?? {};
    if (snapshot === undefined) throw new Error('no table');
    await writeCheckpoint(storage, snapshot, 0, 0);
    const { storage: second, reads } = countedStorage(storage);
    expect((await openState(second))?.files).toEqual(replayed?.files);
    expect(reads).not.toContain(entryKey(0));
  },
);
