import { afterEach, expect, it } from 'vitest';
import { jsonBody } from '../../src/shared/documents.ts';
import type { ExtractReceipt } from '../../src/shared/domain/receipt.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const document = (_id: number) => ({ _id, updateTime: new Date(NOW - 60 * 60_000) });

let house: Harness | undefined;
afterEach(() => house?.close());

/** A store in which extract jobs say that they read one document more than they passed on, once `lies` is so. */
function forgetful(storage: Storage, lies: () => boolean): Storage {
  return {
    ...storage,
    async putIfAbsent(key, body, writerId) {
      if (!lies() || !key.includes('receipts/extract-')) return storage.putIfAbsent(key, body, writerId);
      const { crc32: _, ...receipt } = JSON.parse(body.toString()) as ExtractReceipt & { readonly crc32: string };
      return storage.putIfAbsent(key, jsonBody({ ...receipt, documents: receipt.documents + 1 }), writerId);
    },
  };
}

it('a run and a verification end where an extract job lost a document', async () => {
  let lies = false;
  house = harness({ now: NOW, wrap: (storage) => forgetful(storage, () => lies) });
  house.collection.documents = [document(1), document(2)];
  await house.sync();
  lies = true;
  const unbalanced = { code: 'BOOKS_UNBALANCED', message: expect.stringContaining('extract job 0: 3 expected, 2') };
  await expect(house.sync({ mode: 'backfill' })).rejects.toMatchObject(unbalanced);
  await expect(house.verify()).rejects.toMatchObject(unbalanced);
  expect(await house.keys('_mongolake/verifications/')).toEqual([]);
});
