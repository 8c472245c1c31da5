import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import type { MergeInput, Plan } from '../../src/shared/domain/plan.ts';
import type { TableSchema } from '../../src/shared/domain/schema.ts';
import { blockHeader, pack } from '../../src/shared/packing.ts';
import { mergePartition } from '../../src/worker/partition.ts';
import type { MergePool } from '../../src/worker/pool.ts';
import { locate } from '../../src/worker/thread/task.ts';
import { pattern } from '../contracts/storage-contract-tools.ts';
import { bson } from './thread/table.ts';

const BASE = pattern(100_000);
const RAW = bson({ _id: 1, text: 'x' });
const SEGMENT = Buffer.concat([blockHeader(pack(RAW).length), pack(RAW)]);
/** A file that can be opened and takes no byte; a folder, where the system has none. */
const FULL = '/dev/full';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mongolake-partition-'));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** Merges one section into one base file, with a pool that only takes what it gets. */
async function merge(base: Partial<MergeInput['base'][number]> = {}) {
  const storage = memoryStorage();
  await storage.put('base.parquet', BASE);
  await storage.put('segment', SEGMENT);
  const file = { path: 'base.parquet', size: BASE.length, crc32: checksumOf(BASE), rows: 1, lower: null, upper: null };
  const chunks = [
    { offset: 0, length: SEGMENT.length, rawLength: RAW.length, documents: 1, crc32: checksumOf(SEGMENT) },
  ];
  const input: MergeInput = {
    partition: 0,
    documents: 1,
    base: [{ ...file, ...base }],
    sections: [{ ordinal: 0, segment: 'segment', chunks }],
  };
  const schema: TableSchema = { idType: 'long', columns: [], extra: null };
  const pool = {
    merge: async (task) => {
      locate({ kind: 'locate', schema, sections: task.sections, base: task.base });
      const counts = { read: 1, inserted: 1, updated: 0, deleted: 0, unchanged: 0, superseded: 0 };
      return { counts, added: [], removed: [0] };
    },
  } as Partial<MergePool> as MergePool;
  const plan = { engine: 'duckdb', keepRows: 'none' } as Plan;
  return mergePartition({ plan, schema, input }, { storage, pool, scratch, signal: new AbortController().signal });
}

describe('what a merge fetches', () => {
  it('is merged where it is what the plan says', async () => {
    expect(await merge()).toMatchObject({ removed: ['base.parquet'], bytesRead: BASE.length + SEGMENT.length });
  });

  it('is refused where a base file has another checksum or another size', async () => {
    for (const other of [{ crc32: '00000000' }, { size: BASE.length - 1 }]) {
      await expect(merge(other)).rejects.toMatchObject({
        code: 'OBJECT_CORRUPT',
        retryable: true,
        message: expect.stringContaining('memory:/base.parquet: '),
      });
    }
  });

  it.each(['section-0.bson.snappy', 'base-0.parquet'])(
    'names the scratch file that the disk has no room for (%s)',
    async (name) => {
      symlinkSync(existsSync(FULL) ? FULL : scratch, join(scratch, name));
      await expect(merge()).rejects.toMatchObject({
        code: 'SCRATCH',
        retryable: true,
        message: expect.stringMatching(new RegExp(`^${join(scratch, name)}: (ENOSPC|EISDIR)`)),
      });
    },
  );
});
