import { afterEach, expect, it } from 'vitest';
import { previewSchema, type SchemaPreview } from '../../src/coordinator/schema-preview.ts';
import { bson } from '../shared/domain/bson-bytes.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
let table: Harness;
afterEach(() => table.close());

const preview = (): Promise<SchemaPreview> => previewSchema({ settings: SETTINGS }, table.previewContext);

it('looks at what the next sync would read, and says what the sync then does; nothing is changed', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [{ _id: 1, a: 1, updateTime: at(-60) }];
  await table.sync();
  table.collection.documents.push({ _id: 2, a: 'x', b: { c: 1 }, updateTime: at(-1) });
  const keys = await table.keys('');
  const seen = await preview();
  expect(seen).toMatchObject({ base: 0, documents: 1, complete: true, broken: 0, foreignIds: [] });
  expect(seen.diff.added.map(({ path }) => path.join('.'))).toEqual(['a__string', 'b', 'b.c']);
  expect(await table.keys('')).toEqual(keys);
  await table.sync();
  expect((await preview()).diff.added).toEqual([]);
});

it('filters what a dump gives by the window', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
  await table.sync();
  table.collection.kind = 'dump';
  table.collection.documents = [
    { _id: 1, old: 1, updateTime: at(-60) },
    { _id: 2, late: 1, updateTime: at(-1) },
  ];
  const seen = await preview();
  expect(seen.documents).toBe(1);
  expect(seen.diff.added).toMatchObject([{ path: ['late'] }]);
});

it('looks at the first ten thousand documents of a whole collection, and reads no more', async () => {
  table = harness({ now: NOW });
  let read = 0;
  table.collection.documents = Array.from({ length: 10_050 }, (_, _id) => ({ _id, [_id < 10_000 ? 'a' : 'b']: 1 }));
  table.collection.onRead = () => void read++;
  const seen = await preview();
  expect(seen).toMatchObject({ base: undefined, idType: 'long', documents: 10_000, complete: false });
  expect(seen.diff.added).toMatchObject([{ path: ['a'] }]);
  expect(read).toBe(10_001);
  table.collection.documents.length = 10_000;
  expect(await preview()).toMatchObject({ documents: 10_000, complete: true });
});

it('tells ids that do not fit, and the columns all the same', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
  await table.sync();
  table.collection.documents.push({ _id: 'A', b: 1, updateTime: at(-1) });
  const seen = await preview();
  expect(seen.foreignIds).toEqual([{ kind: 'string', documents: 1, example: 'A' }]);
  expect(seen.idType).toBe('long');
  expect(seen.diff.added).toMatchObject([{ path: ['b'] }]);
});

it('counts documents that can not be stored, and takes nothing from them', async () => {
  table = harness({ now: NOW });
  table.collection.documents = [
    bson(
      new Map<string, unknown>([
        ['_id', 1],
        ['a', 1],
      ]),
    ),
    bson({ b: 1 }),
    bson({ b: 2 }),
  ];
  const seen = await preview();
  expect(seen).toMatchObject({ documents: 3, broken: 2 });
  expect(seen.diff.added).toMatchObject([{ path: ['a'] }]);
});

it('of a dump counts a document whose cursor can not be read, as a sync would read it', async () => {
  table = harness({ now: NOW });
  table.collection.kind = 'dump';
  table.collection.documents = [{ _id: 1, a: 1, updateTime: at(-60) }];
  await table.sync();
  const broken = bson({ _id: 2, s: 'x', updateTime: at(-60) });
  broken.writeInt32LE(500, broken.indexOf('s\0', 8) + 2);
  table.collection.documents.push(broken);
  expect(await preview()).toMatchObject({ documents: 1, broken: 1 });
  expect(await table.sync()).toMatchObject({ counts: { read: 1, quarantined: 1 } });
});
