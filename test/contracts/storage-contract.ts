import { afterEach, beforeEach, describe } from 'vitest';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { putIfAbsentContract, putIfMatchContract } from './storage-contract-conditional.ts';
import { deleteContract, keyContract, listContract } from './storage-contract-keys.ts';
import { brokenPutContract, putContract } from './storage-contract-put.ts';
import { downloadContract, readContract } from './storage-contract-read.ts';

const TIMEOUT_MS = 120_000;

/** Runs the contract of the `Storage` port. `makeStorage` gives a storage with an empty root of its own each time. */
export function storageContract(name: string, makeStorage: () => Storage | Promise<Storage>): void {
  describe(`storage contract: ${name}`, { timeout: TIMEOUT_MS }, () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = await makeStorage();
    });
    afterEach(async () => {
      await storage.close();
    });
    const current = (): Storage => storage;
    readContract(current);
    downloadContract(current);
    putContract(current);
    brokenPutContract(current);
    putIfAbsentContract(current);
    putIfMatchContract(current);
    listContract(current);
    deleteContract(current);
    keyContract(current);
  });
}
