import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { quarantineObjectKey, stagedQuarantineKey } from '../../src/shared/domain/keys.ts';
import { quarantinedBytes, quarantineSource } from '../../src/shared/quarantine-source.ts';

const BYTES = Buffer.from('a document that could not be stored');
const DIGEST = createHash('sha256').update(BYTES).digest('hex');
const KEY = quarantineObjectKey('r1', DIGEST);
const SIGNAL = new AbortController().signal;

async function storedAs(key: string, bytes: Buffer) {
  const storage = memoryStorage();
  await storage.put(key, bytes);
  return storage;
}

async function readAll(storage: ReturnType<typeof memoryStorage>, key: string): Promise<Buffer[]> {
  const source = quarantineSource(storage, { database: 'a', collection: 'b' });
  const bytes: Buffer[] = [];
  const range = { scope: { kind: 'full' as const }, part: JSON.stringify([key]) };
  for await (const batch of source.read(range, SIGNAL, undefined)) bytes.push(batch.bytes);
  return bytes;
}

describe('the bytes of a quarantined document', () => {
  it('are read where they are those of its digest', async () => {
    const storage = await storedAs(KEY, BYTES);
    expect(await quarantinedBytes(storage, KEY, DIGEST)).toEqual(BYTES);
    expect(await readAll(storage, KEY)).toEqual([BYTES]);
    const staged = stagedQuarantineKey('r1', 0, 'attempt', 0);
    expect(await readAll(await storedAs(staged, BYTES), staged)).toEqual([BYTES]);
  });

  it('are refused where they are others, by the source as well', async () => {
    const storage = await storedAs(KEY, Buffer.from('something else'));
    const corrupt = { code: 'OBJECT_CORRUPT', message: expect.stringContaining(`memory:/${KEY} is damaged`) };
    await expect(quarantinedBytes(storage, KEY, DIGEST)).rejects.toMatchObject(corrupt);
    await expect(readAll(storage, KEY)).rejects.toMatchObject(corrupt);
  });

  it('are told to be gone', async () => {
    await expect(quarantinedBytes(memoryStorage(), KEY, DIGEST)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });
});
