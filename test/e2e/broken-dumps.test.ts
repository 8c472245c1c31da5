import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BSON } from '../../src/shared/domain/bson.ts';
import { bson, documentOf, element, int32, nestedArrays, text } from '../shared/domain/bson-bytes.ts';
import { mutated } from '../shared/domain/mutated.ts';
import { type JsonResult, type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const configOf = (collections: readonly string[], settings: object = {}) => ({
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  worker: { scratch: './scratch' },
  defaults: { partitions: 2, ...settings },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
});
const good = (id: number) => ({ _id: `good ${id}`, n: id, updateTime: new Date(1.7e12 + id) });
const GOOD = Array.from({ length: 6 }, (_, id) => good(id));
/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;

let space: Workspace;
beforeEach(() => {
  space = workspace(configOf(['notifications']));
  writeDump(file(), []);
});
afterEach(() => space.close());

const file = (collection = 'notifications') => join(space.folder, `dump/guest/${collection}.bson`);
const dump = (parts: readonly Buffer[], collection?: string) => writeFileSync(file(collection), Buffer.concat(parts));

/** What the command line prints for each table, which every command shapes in its own way. */
async function json<T>(...args: string[]): Promise<{ readonly code: number | null; readonly tables: readonly T[] }> {
  const { ended, results } = await space.json(...args);
  return { code: ended.code, tables: results as unknown as T[] };
}

interface Head {
  readonly table: string;
  readonly rows: readonly Record<string, unknown>[];
}

interface List {
  readonly documents: readonly Record<string, unknown>[];
}

const listed = async () => (await json<List>('quarantine', 'list')).tables[0]?.documents ?? [];

describe('a dump whose framing is broken', { timeout: SLOW_MS }, () => {
  const before = GOOD.slice(0, 3).map(bson);
  const offset = before.reduce((sum, { length }) => sum + length, 0);
  const changed = bson({ ...good(0), n: 99 });
  const withLength = (length: number) => Buffer.concat([int32(length), changed.subarray(4)]);
  const BREAKS: readonly (readonly [string, Buffer, string])[] = [
    ['truncated', changed.subarray(0, -3), 'into a document of'],
    ['cut', changed.subarray(0, 2), 'the file ends 2 bytes into a length'],
    ['tiny', withLength(4), 'a document says it is 4 bytes long'],
    ['negative', withLength(-1), 'a document says it is -1 bytes long'],
    // It ends within the name of a field.
    ['short', withLength(changed.length - 10), 'does not end in a NUL'],
    ['huge', withLength(2 ** 30), 'a document says it is 1073741824 bytes long'],
    ['long', withLength(changed.length + 9), 'into a document of'],
    ['open', Buffer.concat([changed.subarray(0, -1), Buffer.from([7])]), 'does not end in a NUL'],
  ];

  it('fails the run before its commit, at the byte; the table is as before', async () => {
    space.configure(configOf(['*', '!notifications']));
    for (const [name] of BREAKS) writeDump(file(name), GOOD.slice(0, 3));
    expect((await json('sync')).code).toBe(0);
    const heads = (await json<Head>('head')).tables;
    expect(heads).toHaveLength(BREAKS.length);
    for (const [name, bytes] of BREAKS) dump([...before, bytes], name);
    const { code, tables } = await json<JsonResult>('sync');
    expect(code).toBe(1);
    const failures = new Map(tables.map(({ table, error }) => [table, error]));
    for (const [name, , reason] of BREAKS) {
      const failure = failures.get(`guest.${name}`);
      expect(failure).toMatchObject({ code: 'DUMP_BROKEN', retryable: false });
      expect(failure?.message).toContain(`${name}.bson: at byte ${offset}: `);
      expect(failure?.message).toContain(reason);
    }
    expect((await json<Head>('head')).tables).toEqual(heads);
  });
});

const ID = (id: string) => element(BSON.string, '_id', text(id));
const NULL = (name: string) => element(BSON.null, name, Buffer.alloc(0));
const BAD = Buffer.from([0x61, 0xff]);
const SOUND = element(BSON.int32, 'sound', int32(1));

/** Documents that are broken within an intact frame, by the id that they have or should have: why each is put aside. */
const BROKEN: readonly (readonly [string, Buffer, string])[] = [
  ['name', documentOf([ID('name'), element(BSON.int32, BAD, int32(1))]), 'is not valid UTF-8'],
  [
    'child',
    documentOf([ID('child'), element(BSON.object, 'c', documentOf([SOUND], 500))]),
    'reaches past its document',
  ],
  ['twice', documentOf([ID('twice'), SOUND, NULL('a'), SOUND]), 'field "sound" occurs twice'],
  [
    'inner',
    documentOf([ID('inner'), element(BSON.object, 's', documentOf([NULL('b'), NULL('b')]))]),
    '"b" occurs twice',
  ],
  ['', documentOf([SOUND]), 'a document without _id'],
  ['first', documentOf([ID('first'), SOUND, ID('second')]), 'field "_id" occurs twice'],
  ['type', documentOf([ID('type'), element(0x20, 'x', int32(1))]), 'an unknown BSON type at byte '],
  ['deep', documentOf([ID('deep'), element(BSON.array, 'd', nestedArrays(1000))]), 'deeper than 200 levels'],
  ['boolean', documentOf([ID('boolean'), element(BSON.boolean, 'b', Buffer.from([2]))]), 'neither true nor false'],
  ['string', documentOf([ID('string'), element(BSON.string, 's', text('abc', 4, 7))]), 'without its terminator'],
];

describe('a dump with documents that are broken within intact frames', { timeout: SLOW_MS }, () => {
  it('is loaded without them; each is listed with its reason and byte, shown, and read again without a second entry', async () => {
    const documents = BROKEN.flatMap(([, bytes], index) => [bson(good(index)), bytes]);
    dump([...documents, bson(good(99))]);
    const { ended, results } = await space.json('sync', '--detailed-exitcode');
    expect(results).toMatchObject([
      { status: 'committed', read: 2 * BROKEN.length + 1, inserted: BROKEN.length + 1, quarantined: BROKEN.length },
    ]);
    expect(ended.code).toBe(3);
    const warning = ended.stderr.split('\n').filter((line) => line.includes('quarantine list'));
    expect(warning).toHaveLength(1);
    expect(warning[0]).toContain('is not valid UTF-8');
    const [head] = (await json<Head>('head', '--rows', '100')).tables;
    const neighbours = [...BROKEN.map((_, index) => `good ${index}`), 'good 99'];
    expect(head?.rows.map((row) => row._id).sort()).toEqual(neighbours.sort());
    const list = await listed();
    let position = 0;
    for (const [index, [id, bytes, reason]] of BROKEN.entries()) {
      position += documents[2 * index]?.length ?? 0;
      expect(list[index]).toMatchObject({
        id: id === '' ? null : id,
        reason: expect.stringContaining(reason),
        place: expect.stringMatching(`^byte ${position} of `),
        bytes: bytes.length,
      });
      position += bytes.length;
    }
    expect((await space.json('sync')).ended.code).toBe(0);
    expect(await listed()).toEqual(list);
  });

  it('that can be walked is shown as EJSON, another in hexadecimal; --raw gives its bytes', async () => {
    const [twice, child] = [BROKEN[2]?.[1] as Buffer, BROKEN[1]?.[1] as Buffer];
    dump([bson(good(1)), twice, child]);
    await space.run('sync');
    const [first, second] = (await listed()).map(({ digest }) => String(digest));
    const shown = await space.run('quarantine', 'show', first?.slice(0, 12) ?? '');
    expect(shown.stdout).toContain('{"_id":"twice","sound":{"$numberInt":"1"},"a":null,"sound":{"$numberInt":"1"}}');
    const dumped = await space.run('quarantine', 'show', second ?? '');
    expect(dumped.stdout).toContain('00000000  ');
    expect(dumped.stdout).toContain('reaches past its document');
    const { results } = await space.json('quarantine', 'show', second ?? '');
    expect(results).toMatchObject([{ table: 'guest.notifications', ejson: null, base64: child.toString('base64') }]);
    expect(Buffer.from((await space.run('quarantine', 'show', first ?? '', '--raw')).stdout)).toEqual(twice);
    const none = await space.run('quarantine', 'show', 'ffffffffff');
    expect([none.code, none.stderr]).toEqual([64, expect.stringContaining('no quarantined document')]);
    expect((await space.run('status')).stdout).toContain('2 documents quarantined');
  });

  it('whatever their wrong bytes are: hundreds of them are read, each is stored or listed, and nothing hangs', async () => {
    const odd = fc.sample(mutated, 400);
    space.configure(configOf(['notifications'], { maxQuarantined: odd.length }));
    dump(odd.flatMap((bytes, index) => [bytes, bson(good(index))]));
    const [result] = (await json<JsonResult>('sync')).tables;
    const { read = 0, inserted = 0, superseded = 0, quarantined = 0 } = result ?? {};
    expect(read).toBe(2 * odd.length);
    expect(inserted + superseded + quarantined).toBe(read);
    expect(inserted).toBeGreaterThanOrEqual(odd.length);
    expect(quarantined).toBeGreaterThan(odd.length / 10);
    const digests = (await listed()).map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(digests.length);
    expect(digests.length).toBeLessThanOrEqual(quarantined);
    expect(await json<JsonResult>('backfill')).toMatchObject({
      code: 0,
      tables: [{ version: null, read, quarantined }],
    });
  });

  it('more than maxQuarantined fail the run before its commit', async () => {
    space.configure(configOf(['notifications'], { maxQuarantined: 2 }));
    dump([bson(good(1)), ...BROKEN.slice(0, 3).map(([, bytes]) => bytes)]);
    const { ended, results } = await space.json('sync');
    expect(ended.code).toBe(1);
    expect(results).toMatchObject([{ error: { code: 'QUARANTINE_LIMIT', message: expect.stringContaining('byte ') } }]);
    expect(readdirSync(join(space.folder, 'lake/notifications'))).not.toContain('_delta_log');
  });

  it('that are only unusual are stored: 100,000 fields, a string of 16 MB, and text that is not UTF-8', async () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => element(BSON.int32, `f${i}`, int32(i)));
    const wide = documentOf([ID('wide'), ...fields]);
    const long = documentOf([ID('long'), element(BSON.string, 's', text(Buffer.alloc(16 * 1024 * 1024 - 64, 'x')))]);
    // The long one first: the wide one takes all columns that are left.
    const latin = documentOf([ID('latin'), element(BSON.string, 'a', text(BAD))]);
    dump([bson(good(1)), long, wide, latin, bson(good(2))]);
    const { ended, results } = await space.json('sync', '--detailed-exitcode');
    expect(results).toMatchObject([{ read: 5, inserted: 5, quarantined: 0 }]);
    expect(ended.code).toBe(0);
    const [head] = (await json<Head>('head')).tables;
    const table = new Map(head?.rows.map((row) => [row._id, row]));
    expect(table.get('long')?.s).toHaveLength(16 * 1024 * 1024 - 64);
    expect(JSON.stringify(table.get('latin'))).toContain('{\\"$invalidUtf8\\":\\"Yf8=\\"}');
    expect(table.get('wide')?.f0).toBe(0);
    expect(JSON.parse(String(table.get('wide')?._extra))).toMatchObject({ f99999: { $numberInt: '99999' } });
  });
});
