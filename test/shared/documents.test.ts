import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { findJson, jsonBody, readJson } from '../../src/shared/documents.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';

const KEY = '_mongolake/runs/r1/plan.json';
const DOCUMENT = { run: 'r1', name: 'Zoë "crc32":"00000000"}', list: [1, { a: null }], crc: 'x' };

async function stored(body: Buffer): Promise<Storage> {
  const storage = memoryStorage();
  await storage.put(KEY, body);
  return storage;
}

/** Gives the object with one bit turned, the first `times` times. */
function damaging(storage: Storage, at: number, bit: number, times: number): Storage {
  let left = times;
  return {
    ...storage,
    get: async (key, range) => {
      const found = await storage.get(key, range);
      if (found === undefined || left === 0) return found;
      left -= 1;
      found.body.writeUInt8(found.body.readUInt8(at) ^ (1 << bit), at);
      return found;
    },
  };
}

describe('a JSON object', () => {
  it('is read as it was written, and carries a checksum in the store', async () => {
    const storage = await stored(jsonBody(DOCUMENT));
    expect(await readJson(storage, KEY)).toEqual(DOCUMENT);
    const object = await storage.get(KEY);
    expect(object?.body.toString()).toMatch(/^\{"run":"r1",.*,"crc":"x","crc32":"[0-9a-f]{8}"\}$/);
    expect(await findJson(storage, KEY)).toEqual({ body: DOCUMENT, etag: object?.etag });
    expect(JSON.parse(jsonBody({}).toString())).toEqual({ crc32: expect.any(String) });
    expect(await readJson(await stored(jsonBody({})), KEY)).toEqual({});
  });

  it('of an older version has none, and is taken as it is', async () => {
    const storage = await stored(Buffer.from(JSON.stringify(DOCUMENT)));
    expect(await readJson(storage, KEY)).toEqual(DOCUMENT);
  });

  it('that is not there is told, or is nothing', async () => {
    const storage = memoryStorage();
    expect(await findJson(storage, KEY)).toBeUndefined();
    await expect(readJson(storage, KEY)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });

  it('is never taken for another where any one bit of it is turned', async () => {
    const body = jsonBody(DOCUMENT);
    const storage = await stored(body);
    for (let at = 0; at < body.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const [read] = await Promise.allSettled([readJson(damaging(storage, at, bit, 2), KEY)]);
        if (read.status === 'rejected') expect(read.reason).toMatchObject({ code: 'OBJECT_CORRUPT', retryable: true });
        // Only the checksum's own name may be hit unnoticed: then the rest is whole.
        else expect(read.value).toMatchObject(DOCUMENT);
      }
    }
  });

  it.each([
    ['cut', jsonBody(DOCUMENT).subarray(0, -10)],
    ['empty', Buffer.alloc(0)],
    ['no object', Buffer.from('[1]')],
    ['not what its checksum says', Buffer.from(jsonBody(DOCUMENT).toString().replace('r1', 'r2'))],
    ['with more behind the checksum', Buffer.from(jsonBody(DOCUMENT).toString().replace(/}$/, ',"more":1}'))],
    [
      'with a byte that is not UTF-8',
      Buffer.from(jsonBody({ a: '\ufffd' }).toString('latin1').replace('ï¿½', 'ÿ'), 'latin1'),
    ],
  ])('is refused by its name where it is %s', async (_, body) => {
    await expect(readJson(await stored(body), KEY)).rejects.toMatchObject({
      code: 'OBJECT_CORRUPT',
      message: expect.stringContaining(`memory:/${KEY} is damaged`),
    });
  });

  it('that was damaged on its way is read again', async () => {
    const storage = damaging(await stored(jsonBody(DOCUMENT)), 9, 0, 1);
    expect(await readJson(storage, KEY)).toEqual(DOCUMENT);
  });
});
