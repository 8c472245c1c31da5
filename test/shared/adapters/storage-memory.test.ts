import { expect, it } from 'vitest';
import { memoryStorage } from '../../../src/shared/adapters/storage-memory.ts';
import { storageContract } from '../../contracts/storage-contract.ts';

storageContract('memory', () => memoryStorage());

it('keeps its own copy of a body, going in and coming out', async () => {
  const storage = memoryStorage('memory:table');
  const body = Buffer.from('abc');
  await storage.put('a', body);
  body.fill('x');
  (await storage.get('a'))?.body.fill('y');
  expect((await storage.get('a'))?.body.toString()).toBe('abc');
  expect(storage.uri).toBe('memory:table');
});
