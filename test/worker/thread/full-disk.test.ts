import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldSchema } from '../../../src/shared/domain/fold.ts';
import type { EngineName } from '../../../src/shared/domain/plan.ts';
import { createSketcher } from '../../../src/shared/domain/sketcher.ts';
import type { MergeTask } from '../../../src/worker/thread/engine.ts';
import { settle } from '../../../src/worker/thread/failure.ts';
import { pattern } from '../../contracts/storage-contract-tools.ts';
import { runCommand } from '../../services/command.ts';
import { bson, writeSection } from './table.ts';

/** Of any file that the process writes, in the shell's blocks of 512 bytes. */
const FILE_BLOCKS = 400;

let scratch: string;
beforeEach(() => {
  scratch = join(mkdtempSync(join(tmpdir(), 'mongolake-full-')), 'job');
  mkdirSync(scratch);
});
afterEach(() => {
  rmSync(join(scratch, '..'), { recursive: true, force: true });
});

function taskOf(engine: EngineName, memoryBytes: number): MergeTask {
  const text = pattern(2_000_000).toString('hex');
  const documents = Array.from({ length: 1000 }, (_, _id) => {
    return bson({ _id, updateTime: new Date(_id), text: text.slice(_id * 4000, (_id + 1) * 4000) });
  });
  const sketcher = createSketcher();
  for (const document of documents) sketcher.take(document, 0);
  return {
    kind: 'merge',
    engine,
    scratch,
    memoryBytes,
    schema: foldSchema(undefined, sketcher.sketch()),
    cursor: { field: 'updateTime', type: 'date' },
    sections: [writeSection(scratch, 0, documents)],
    base: [],
    keepRows: 'none',
    write: { targetFileSize: 1e9, rowGroupSize: 2048, compression: 'snappy', compressionLevel: 1 },
  };
}

/** Merges in a process of its own, where a file that grows too long fails as one on a full disk does. */
async function mergeInLittleSpace(task: MergeTask): Promise<unknown> {
  const program = fileURLToPath(new URL('full-disk-process.ts', import.meta.url));
  const command = `ulimit -f ${FILE_BLOCKS}; exec "$0" --import tsx "$1" "$2"`;
  const args = ['-c', command, process.execPath, program, JSON.stringify(task)];
  return JSON.parse(await runCommand('sh', args, { env: { TSX_DISABLE_CACHE: '1' }, deadlineMs: 60_000 }));
}

describe('a merge whose files can not be written', () => {
  it.each([
    ['duckdb', 'its new file', 1e9],
    ['parquetjs', 'its new file', 1e9],
    ['parquetjs', 'a run of its sort', 1e6],
  ] as const)('says so, and where (%s, %s)', async (engine, _, memoryBytes) => {
    expect(await mergeInLittleSpace(taskOf(engine, memoryBytes))).toMatchObject({
      answer: {
        kind: 'failed',
        code: 'SCRATCH',
        message: expect.stringMatching(new RegExp(`^the scratch folder ${scratch} can't be used: .*too large`, 'i')),
        hint: expect.stringContaining('worker.scratch'),
      },
      // An open file keeps its space after it was deleted.
      open: [],
    });
  });
});

describe('an error of a thread', () => {
  const answer = (error: Error) =>
    settle({ memoryBytes: 1e6, scratch: '/scratch/job' }, () => {
      throw error;
    });

  it.each([
    ['DuckDB', new Error('IO Error: Could not write file "/scratch/job/out": No space left on device\nmore')],
    ['DuckDB’s own limit', new Error('Out of Memory Error: … max_temp_directory_size …')],
    ['Node', Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })],
  ])('of %s that is about the disk is SCRATCH', async (_, error) => {
    expect(await answer(error)).toMatchObject({ kind: 'failed', code: 'SCRATCH' });
  });

  it('that is not stays what it is', async () => {
    expect(await answer(new Error('ENOSPC in a text'))).toMatchObject({ kind: 'failed', code: 'INTERNAL' });
  });
});
