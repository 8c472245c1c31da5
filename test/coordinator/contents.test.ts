import { afterEach, expect, test } from 'vitest';
import { readContents } from '../../src/coordinator/quarantine.ts';
import { runTable } from '../../src/coordinator/run.ts';
import { BSON } from '../../src/shared/domain/bson.ts';
import { bson, documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const good = (id: number, minutes = -60) => ({ _id: id, a: 'x', updateTime: new Date(NOW + minutes * 60_000) });

/** A document with its field `a` twice. */
function twice(id: number): Buffer {
  return documentOf([bson(good(id)).subarray(4, -1), element(BSON.int32, 'a', int32(1))]);
}

let table: Harness;
afterEach(() => table.close());

test('a run tells what the table has after it, as it is read then, and documents put aside as new once', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [good(1), twice(2), good(3)];
  const first = await table.sync();
  expect(first).toMatchObject({ version: 0, newlyQuarantined: 1, contents: { version: 0, rows: 2, quarantined: 1 } });
  expect(first.contents).toEqual(await readContents(table.storage));
  table.collection.documents = [good(1), twice(2), good(4, -1)];
  const second = await table.sync();
  expect(second).toMatchObject({ counts: { inserted: 1, quarantined: 1 }, newlyQuarantined: 0 });
  expect(second.contents).toEqual(await readContents(table.storage));
  expect(second.contents).toMatchObject({ version: 1, rows: 3, quarantined: 1 });
  const replaced = await table.sync({ mode: 'backfill', replace: true });
  expect(replaced.contents).toEqual(await readContents(table.storage));
  const nothing = await table.sync();
  expect(nothing).toMatchObject({
    version: null,
    newlyQuarantined: 0,
    contents: { version: 2, rows: 2, quarantined: 1 },
  });
});

test('a run tells whether it has the lease, also where it fails', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [good(1)];
  const told: boolean[] = [];
  const context = {
    ...table.runContext,
    observer: { leaseHeld: (isHeld: boolean) => void told.push(isHeld), enqueuedAgain() {} },
  };
  const asked = { mode: 'sync', from: null, to: null, overwrite: false, replace: false } as const;
  const request = { ...asked, pipeline: 'guest', collection: 'notifications', settings: SETTINGS };
  await runTable(request, context);
  expect(told.splice(0)).toEqual([true, false]);
  table.collection.skew = 3_600_000;
  await expect(runTable(request, context)).rejects.toThrow();
  expect(told).toEqual([true, false]);
});
