import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { downloadDataFile, uploadDataFile } from '../../src/worker/data-file.ts';
import { pattern } from '../contracts/storage-contract-tools.ts';

const KEY = 'data/000000/r1-a-0.parquet';
const BODY = pattern(300_000);
const FILE = { path: KEY, size: BODY.length, crc32: checksumOf(BODY) };
const SIGNAL = new AbortController().signal;

let folder: string;
let storage: Storage;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mongolake-data-file-'));
  storage = memoryStorage();
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('an upload', () => {
  it('tells the checksum of what it sent', async () => {
    const path = join(folder, 'out.parquet');
    await writeFile(path, BODY);
    expect(await uploadDataFile(storage, KEY, { path, size: BODY.length }, SIGNAL)).toBe(FILE.crc32);
    expect((await storage.get(KEY))?.body.equals(BODY)).toBe(true);
  });

  it('fails where the file has another size than its writer said', async () => {
    const path = join(folder, 'out.parquet');
    await writeFile(path, BODY.subarray(1));
    await expect(uploadDataFile(storage, KEY, { path, size: BODY.length }, SIGNAL)).rejects.toMatchObject({
      code: 'OBJECT_CORRUPT',
      message: expect.stringContaining(`${KEY}: 299999 bytes uploaded of 300000`),
    });
  });

  it('names a file that can not be read, and ends when it is aborted', async () => {
    const path = join(folder, 'not-there');
    await expect(uploadDataFile(storage, KEY, { path, size: 1 }, SIGNAL)).rejects.toMatchObject({
      code: 'SCRATCH',
      message: expect.stringContaining(path),
    });
    await writeFile(path, BODY);
    const reason = new Error('stopped by the test');
    const aborted = uploadDataFile(storage, KEY, { path, size: BODY.length }, AbortSignal.abort(reason));
    await expect(aborted).rejects.toBe(reason);
    expect(await storage.get(KEY)).toBeUndefined();
  });
});

describe('a download', () => {
  it('is taken where it is what the log says, or where an older log says less', async () => {
    await storage.put(KEY, BODY);
    const path = join(folder, 'base.parquet');
    await downloadDataFile(storage, FILE, path, SIGNAL);
    await downloadDataFile(storage, { path: KEY, size: BODY.length }, path, SIGNAL);
    expect((await readFile(path)).equals(BODY)).toBe(true);
    expect(await readdir(folder)).toEqual(['base.parquet']);
  });

  it('is refused where a bit was turned, or bytes are missing', async () => {
    const turned = Buffer.from(BODY);
    turned.writeUInt8(turned.readUInt8(150_000) ^ 4, 150_000);
    for (const [body, told] of [
      [turned, `the checksum ${checksumOf(turned)}, and the table's log says ${FILE.crc32}`],
      [BODY.subarray(0, -1), "299999 bytes, and the table's log says 300000"],
    ] as const) {
      await storage.put(KEY, body);
      await expect(downloadDataFile(storage, FILE, join(folder, 'base.parquet'), SIGNAL)).rejects.toMatchObject({
        code: 'OBJECT_CORRUPT',
        retryable: true,
        message: `memory:/${KEY}: ${told}`,
      });
    }
  });
});
