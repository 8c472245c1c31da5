import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dumpCatalog, dumpSource } from '../../../src/shared/adapters/source-dump.ts';
import { collect, encode, numbered } from '../../contracts/source-documents.ts';
import { temporaryFolder, writeDump } from '../../contracts/source-dump-writer.ts';

const documents = encode(numbered(10));
const STARTED = '2026-11-01T02:00:00Z';
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let root: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  root = join(folder.path, 'dump');
});
afterEach(() => folder.remove());

/** A whole mongodump of two databases and all that lies beside the collections. */
async function wholeDump() {
  await writeDump(join(root, 'guest', 'notifications.bson'), documents);
  await writeDump(join(root, 'guest', 'bookings.bson.gz'), documents.slice(0, 5));
  await writeDump(join(root, 'guest', 'a%2Fb%20c.bson'), documents.slice(0, 2));
  await writeDump(join(root, 'guest', 'system.views.bson'), documents);
  await writeDump(join(root, 'guest', '$admin.system.users.bson'), documents);
  await writeDump(join(root, 'hotel', 'rooms.bson'), documents.slice(0, 1));
  await writeDump(join(root, 'admin', 'system.version.bson'), documents);
  await writeDump(join(root, 'admin', 'other.bson'), documents);
  await writeDump(join(root, 'oplog.bson'), documents);
  for (const name of ['notifications.metadata.json', 'view.metadata.json', 'prelude.json']) {
    await writeFile(join(root, 'guest', name), '{}');
  }
}

const names = async (path: string, database?: string) =>
  (await dumpCatalog(path).collections(database)).map((each) => `${each.database}.${each.name}`);

describe('discovery', () => {
  test('a whole mongodump lists the collections of its databases, without system.* and MongoDB’s own databases', async () => {
    await wholeDump();
    expect(await names(root)).toEqual(['guest.a/b c', 'guest.bookings', 'guest.notifications', 'hotel.rooms']);
    expect(await names(root, 'hotel')).toEqual(['hotel.rooms']);
    expect(await names(root, 'admin')).toEqual(['admin.other']);
    expect(await names(root, 'none')).toEqual([]);
  });

  test('a database’s folder is named by its folder, or by the config', async () => {
    await wholeDump();
    expect(await names(join(root, 'hotel'))).toEqual(['hotel.rooms']);
    expect(await names(join(root, 'hotel'), 'inn')).toEqual(['inn.rooms']);
  });

  test('a file is one collection', async () => {
    await wholeDump();
    const file = join(root, 'guest', 'bookings.bson.gz');
    expect(await names(file)).toEqual(['guest.bookings']);
    const [renamed] = await dumpCatalog(file, { database: 'inn', collection: 'stays' }).collections(undefined);
    expect(renamed).toMatchObject({ database: 'inn', name: 'stays' });
  });

  test('an empty folder holds no collections', async () => {
    await mkdir(root);
    expect(await names(root)).toEqual([]);
  });

  test('metadata that unpack to what no memory holds are refused', async () => {
    const cut = `${'long-'.repeat(60).slice(0, 208)}%24${'h'.repeat(27)}`;
    await writeDump(join(root, 'guest', `${cut}.bson`), documents);
    await writeFile(join(root, 'guest', `${cut}.metadata.json.gz`), gzipSync(Buffer.alloc(17 * 2 ** 20, ' ')));
    await expect(names(root)).rejects.toMatchObject({ code: 'DUMP_BROKEN' });
  });

  test('a name that mongodump cut is read from its metadata', async () => {
    const collection = 'long-'.repeat(60);
    const cut = `${collection.slice(0, 208)}%24${'h'.repeat(27)}`;
    await writeDump(join(root, 'guest', `${cut}.bson`), documents);
    await writeFile(join(root, 'guest', `${cut}.metadata.json`), JSON.stringify({ collectionName: collection }));
    expect(await names(root)).toEqual([`guest.${collection}`]);
  });

  test('two files of one collection are refused, not merged', async () => {
    await writeDump(join(root, 'guest', 'rooms.bson'), documents);
    await writeDump(join(root, 'guest', 'rooms.bson.gz'), documents);
    await expect(names(root)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('rooms'),
    });
  });

  test('a path that is not there is a missing source, named', async () => {
    await expect(names(root)).rejects.toMatchObject({ code: 'SOURCE_MISSING', message: expect.stringContaining(root) });
    const lost = dumpSource({ path: join(root, 'lost.bson') });
    await expect(lost.ranges({ kind: 'full' })).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  });
});

describe('finding the file', () => {
  const read = (source: ReturnType<typeof dumpSource>) => collect(source.read({ scope: { kind: 'full' }, part: null }));

  test('in a whole mongodump, a database’s folder, and by its own path', async () => {
    await wholeDump();
    expect(await read(dumpSource({ path: root, database: 'guest', collection: 'notifications' }))).toEqual(documents);
    expect(await read(dumpSource({ path: join(root, 'guest'), collection: 'bookings' }))).toEqual(
      documents.slice(0, 5),
    );
    expect(await read(dumpSource({ path: join(root, 'guest'), collection: 'a/b c' }))).toEqual(documents.slice(0, 2));
    const file = dumpSource({ path: join(root, 'guest', 'bookings.bson.gz') });
    expect(file.namespace).toEqual({ database: 'guest', collection: 'bookings' });
    expect(await read(file)).toEqual(documents.slice(0, 5));
  });

  test('a collection that is not in the dump names those that are', async () => {
    await wholeDump();
    const source = dumpSource({ path: root, database: 'hotel', collection: 'lobby' });
    await expect(read(source)).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      hint: expect.stringContaining('rooms'),
    });
  });

  test('a folder without a collection, or a whole dump without a database, is a matter of configuration', async () => {
    await wholeDump();
    expect(() => dumpSource({ path: root })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    const source = dumpSource({ path: root, collection: 'rooms' });
    await expect(read(source)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('hotel'),
    });
  });
});

describe('the clock of a dump', () => {
  const file = () => join(root, 'guest', 'notifications.bson');
  const time = async () => (await dumpSource({ path: file() }).clock()).serverTime;

  test('is not known unless someone says when the dump was started', async () => {
    await wholeDump();
    expect(await dumpSource({ path: file() }).clock()).toEqual({
      kind: 'dump',
      serverTime: undefined,
      lastMajorityWrite: undefined,
      dump: expect.stringContaining(file()),
    });
  });

  test('tells a dump from another one in its place', async () => {
    await wholeDump();
    const source = () => dumpSource({ path: file() }).clock();
    const first = await source();
    expect(await source()).toEqual(first);
    await utimes(file(), new Date(0), new Date(0));
    expect((await source()).dump).not.toBe(first.dump);
  });

  test('is told by the option, then beside the file, then at the dump’s root', async () => {
    await wholeDump();
    await writeFile(join(root, 'mongolake-dump.json'), JSON.stringify({ startedAt: STARTED }));
    expect(await time()).toBe(Date.parse(STARTED));
    await writeFile(join(root, 'guest', 'mongolake-dump.json'), '{"startedAt":"2026-11-01T02:00:01.5+01:00"}');
    expect(await time()).toBe(Date.UTC(2026, 10, 1, 1, 0, 1, 500));
    expect((await dumpSource({ path: file(), startedAt: 7 }).clock()).serverTime).toBe(7);
  });

  test.each([
    ['not JSON', 'startedAt'],
    ['no such key', '{}'],
    ['null', 'null'],
    ['a time without an offset, which every machine would read otherwise', '{"startedAt":"2026-11-01T02:00:00"}'],
    ['a month that does not exist', '{"startedAt":"2026-13-01T02:00:00Z"}'],
  ])('is refused where the file says nothing of use: %s', async (_name, text) => {
    await wholeDump();
    await writeFile(join(root, 'guest', 'mongolake-dump.json'), text);
    await expect(time()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('mongolake-dump.json'),
    });
  });
});

describe('estimates', () => {
  test('a small file is counted, a large one told from its first megabyte, a gzip from its size', async () => {
    const small = join(root, 'guest', 'small.bson');
    await writeDump(small, documents);
    const bytes = Buffer.concat(documents).length;
    expect(await dumpSource({ path: small }).estimate({ kind: 'full' })).toEqual({ documents: 10, bytes });

    const many = encode(numbered(100_000));
    await writeDump(join(root, 'guest', 'large.bson'), many);
    await writeDump(join(root, 'guest', 'large.bson.gz'), many);
    const large = await dumpSource({ path: join(root, 'guest', 'large.bson') }).estimate({ kind: 'full' });
    expect(large.bytes).toBe(Buffer.concat(many).length);
    expect(large.documents).toBeGreaterThan(95_000);
    expect(large.documents).toBeLessThan(105_000);
    const packed = await dumpSource({ path: join(root, 'guest', 'large.bson.gz') }).estimate({ kind: 'full' });
    expect(packed.bytes).toBeGreaterThan(100_000);
    expect(packed.documents).toBeGreaterThan(1_000);
  });

  test('an empty file holds nothing', async () => {
    const empty = join(root, 'guest', 'empty.bson');
    await writeDump(empty, []);
    expect(await dumpSource({ path: empty }).estimate({ kind: 'full' })).toEqual({ documents: 0, bytes: 0 });
  });
});

test('a truncated file gives what is whole, then names the file and the byte', async () => {
  const file = join(root, 'guest', 'cut.bson');
  await writeDump(file, documents);
  const bytes = Buffer.concat(documents).length;
  await truncate(file, bytes - 1);
  const read: Buffer[] = [];
  const reading = (async () => {
    for await (const batch of dumpSource({ path: file }).read({ scope: { kind: 'full' }, part: null })) {
      read.push(Buffer.from(batch.bytes));
    }
  })();
  const start = bytes - (documents.at(-1)?.length ?? 0);
  await expect(reading).rejects.toMatchObject({
    code: 'DUMP_BROKEN',
    message: expect.stringContaining(`${file}: at byte ${start}:`),
  });
  expect(Buffer.concat(read)).toEqual(Buffer.concat(documents.slice(0, -1)));
});
