import { createHash } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { readQuarantine } from '../../src/coordinator/quarantine.ts';
import { openState } from '../../src/coordinator/table.ts';
import { BSON } from '../../src/shared/domain/bson.ts';
import { policyText } from '../../src/shared/domain/policy.ts';
import type { ListedDocument } from '../../src/shared/domain/quarantine.ts';
import { keyedHash } from '../../src/shared/keyed-hash.ts';
import { bson, documentOf, element, int32, text } from '../shared/domain/bson-bytes.ts';
import { type Harness, harness } from './table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const updateTime = new Date(NOW - 3_600_000);
const SECRET = 'the secret of a guest';
const keyed = keyedHash('the key of the tests, of 32 bytes');
const EXCLUDING = { exclude: ['secret'] };

/** Can be walked and cut, and has its field `a` twice. */
const twice = documentOf([
  bson({ _id: 2, secret: SECRET, a: 1, updateTime }).subarray(4, -1),
  element(BSON.int32, 'a', int32(1)),
]);
/** Can't be walked: a string in it reaches past its end. */
const unwalkable = documentOf([
  bson({ _id: 3, secret: SECRET, updateTime }).subarray(4, -1),
  element(BSON.string, 's', text('x', 50)),
]);

let table: Harness;
afterEach(() => table.close());

async function listed(): Promise<readonly ListedDocument[]> {
  const state = await openState(table.storage);
  return state === undefined ? [] : readQuarantine(table.storage, state);
}

async function holdsSecret(): Promise<boolean> {
  for (const key of await table.keys('')) if ((await table.storage.get(key))?.body.includes(SECRET)) return true;
  return false;
}

it('what a policy leaves is kept, and tried again under that policy; what it can not be applied to is not kept', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [{ _id: 1, updateTime }, twice, unwalkable];
  await table.sync({ columns: EXCLUDING });
  const [cut, hidden] = await listed();
  expect(cut).toMatchObject({ id: '2', policy: policyText(EXCLUDING) });
  expect((await table.storage.get(cut?.object ?? ''))?.body.includes('updateTime')).toBe(true);
  expect(hidden).toMatchObject({ id: null, object: null });
  expect(hidden?.digest).not.toBe(createHash('sha256').update(unwalkable).digest('hex'));
  expect(await holdsSecret()).toBe(false);
  expect(await table.sync({ mode: 'retry', columns: EXCLUDING })).toMatchObject({
    counts: { read: 1, quarantined: 1 },
  });
  expect(await listed()).toHaveLength(2);
});

it('under a policy that hashes neither bytes nor ids are kept', async () => {
  table = harness({ now: NOW, keyed });
  table.collection.documents = [{ _id: 1, updateTime }, twice, unwalkable];
  const columns = { hash: ['secret'], key: keyed.fingerprint };
  await table.sync({ columns });
  expect(await listed()).toMatchObject([
    { id: null, object: null, reason: 'field "a" occurs twice' },
    { id: null, object: null },
  ]);
  expect(await holdsSecret()).toBe(false);
  expect(await table.sync({ mode: 'retry', columns })).toMatchObject({ counts: { read: 0 } });
  expect(await listed()).toHaveLength(2);
});

it('a backfill that takes a policy which hides values lists anew what the source has, and drops the bytes from before', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [{ _id: 1, updateTime }, twice, unwalkable];
  await table.sync();
  expect(await holdsSecret()).toBe(true);
  table.collection.documents.pop();
  expect(await table.sync({ mode: 'backfill', columns: EXCLUDING })).toMatchObject({ version: 1 });
  expect(await listed()).toMatchObject([{ id: '2', policy: policyText(EXCLUDING) }]);
  const bytes = (await table.keys('_mongolake/quarantine/')).filter((key) => key.endsWith('.bson'));
  expect(bytes).toEqual([(await listed())[0]?.object]);
  expect((await table.storage.get(bytes[0] ?? ''))?.body.includes(SECRET)).toBe(false);
});

it('what another policy left is not tried again: it may lack what the row has', async () => {
  table = harness({ now: NOW });
  const narrow = { include: ['a'] };
  table.collection.documents = [{ _id: 1, updateTime }, twice];
  await table.sync({ columns: narrow });
  await table.sync({ mode: 'backfill' });
  const retried = await table.sync({ mode: 'retry' });
  const kept = (await listed()).map(({ policy }) => policy);
  // The whole document was listed by the backfill, and is still broken; the cut one was left alone.
  expect([retried.counts.read, kept]).toEqual([1, [policyText(narrow), undefined]]);
});
