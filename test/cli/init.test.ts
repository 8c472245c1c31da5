import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, ObjectId, serialize, Timestamp } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { choosePlace } from '../../src/cli/init.ts';
import { chooseDatabase, cursorFields } from '../../src/cli/init-discover.ts';
import { describeInit, type InitText } from '../../src/cli/init-report.ts';
import { type Workspace, workspace } from '../e2e/cli.ts';
import { writeDump } from '../e2e/dump.ts';

describe('the source', () => {
  it('is the option, or else $MONGODB_URI', () => {
    const env = { MONGODB_URI: 'mongodb://env/' };
    expect(choosePlace({ uri: ' mongodb+srv://given/ ' }, env, 'f')).toEqual({
      kind: 'mongodb',
      uri: 'mongodb+srv://given/',
    });
    expect(choosePlace({}, env, 'f')).toEqual({ kind: 'mongodb', uri: 'mongodb://env/' });
    expect(choosePlace({ dump: '/d' }, env, 'f')).toEqual({ kind: 'dump', path: '/d' });
  });

  it('has its dump where the file will look for it', () => {
    expect(choosePlace({ dump: 'dump' }, {}, 'mongolake.yaml')).toEqual({ kind: 'dump', path: './dump' });
    expect(choosePlace({ dump: './dump' }, {}, 'conf/m.yaml')).toEqual({ kind: 'dump', path: '../dump' });
  });

  it.each([
    [{ uri: 'mongodb://h', dump: 'd' }, {}],
    [{}, {}],
    [{}, { MONGODB_URI: '' }],
    [{ uri: 'http://user:s3cret@h' }, {}],
    [{}, { MONGODB_URI: 'user:s3cret@h' }],
    [{ dump: 's3://bucket/dump' }, {}],
  ])('%j %j is refused without a secret', (options, env) => {
    const refused = expect.objectContaining({ code: 'USAGE', message: expect.not.stringContaining('s3cret') });
    expect(() => choosePlace(options, env, 'f')).toThrow(refused);
  });
});

it('the database is the only one, or has to be named', () => {
  const of = (...databases: string[]) => databases.map((database) => ({ database, name: 'c', documents: 1, bytes: 1 }));
  expect(chooseDatabase(of('a', 'a'), undefined)).toBe('a');
  expect(() => chooseDatabase(of('a', 'b'), undefined)).toThrow(/several databases: a, b/);
  expect(() => chooseDatabase([], 'x')).toThrow(/the database x has no collection/);
});

describe('cursor fields', () => {
  const at = new Date('2026-01-01T00:00:00Z');
  const sampleOf = (...documents: readonly Document[]) => documents.map((one) => Buffer.from(serialize(one)));
  const found = (...documents: readonly Document[]) =>
    cursorFields(sampleOf(...documents), [{ fields: ['at', '_id'] }]);
  const often = (n: number, yes: Document, no: Document) =>
    Array.from({ length: 10 }, (_, index) => (index < n ? yes : no));

  it('are the dates of nearly every document, or else of any', () => {
    expect(found(...often(9, { at, once: 1 }, { deletedAt: at }))).toEqual([
      { path: 'at', type: 'date', indexed: true },
    ]);
    expect(found(...often(8, { at }, { deletedAt: at })).map(({ path }) => path)).toEqual(['at', 'deletedAt']);
  });

  it('where there is no date are timestamps, then numbers, then the _id', () => {
    const _id = new ObjectId();
    const ts = new Timestamp({ t: 1_700_000_000, i: 1 });
    const all = { _id, ref: new ObjectId(), s: 1_700_000_000, ms: 1_700_000_000_000, n: 5, ts };
    expect(found({ ...all, at })).toEqual([{ path: 'at', type: 'date', indexed: true }]);
    expect(found(all)).toEqual([{ path: 'ts', type: 'timestamp', indexed: false }]);
    expect(found({ ...all, ts: 'text' })).toEqual([
      { path: 's', type: 'epochSeconds', indexed: false },
      { path: 'ms', type: 'epochMilliseconds', indexed: false },
    ]);
    expect(found({ _id, ref: new ObjectId(), n: 5 })).toEqual([{ path: '_id', type: 'objectId', indexed: false }]);
    expect(found({ _id: 1, n: 5 })).toEqual([]);
  });
});

it('what was found on a server ends with what to type next', () => {
  const report: InitText = {
    file: 'mongolake.yaml',
    table: 's3://lake/{collection}',
    uriSet: false,
    found: {
      database: 'guest',
      kind: 'live',
      collections: [
        {
          name: 'bookings',
          documents: 1200,
          cursorFields: [
            { path: 'createTime', type: 'date', indexed: false },
            { path: 'at', type: 'date', indexed: false },
          ],
        },
        {
          name: 'events',
          documents: 3,
          cursorFields: [{ path: 'updated', type: 'epochSeconds', indexed: true }],
        },
        { name: 'flags', documents: undefined, cursorFields: [] },
      ],
      notes: [],
    },
    chosen: new Map([
      ['bookings', { cursorField: 'createTime', cursorType: 'date', indexed: false }],
      ['events', { cursorField: 'updated', cursorType: 'epochSeconds', indexed: true }],
    ]),
  };
  expect(describeInit(report)).toEqual([
    'guest  3 collections',
    'collection  documents  cursor field            index  others',
    'bookings        1,200  createTime              no     at',
    'events              3  updated (epochSeconds)  yes',
    'flags               ?  none found',
    'note  does every write set createTime? Changes that leave it as it was are not found by a sync',
    '',
    'written  mongolake.yaml, with tables in s3://lake/{collection}',
    '',
    'next',
    "  export MONGODB_URI='…'   # the connection string is not in the file",
    '  db.getCollection("bookings").createIndex({ "createTime": 1 })   # in mongosh',
    '  mongolake check',
    '  mongolake sync',
  ]);
});

/** It starts processes, on machines that do other things too. */
describe('init of a dump', { timeout: 60_000 }, () => {
  let space: Workspace;
  beforeEach(() => {
    space = workspace('version: 1\n');
    const at = new Date('2026-01-01T00:00:00Z');
    const documents = Array.from({ length: 20 }, (_, id) => ({ _id: id, updateTime: at, meta: { seen: at } }));
    writeDump(join(space.folder, 'dump/guest/notifications.bson'), documents, new Date('2026-01-02T00:00:00Z'));
    writeDump(join(space.folder, 'dump/guest/flags.bson'), [{ _id: 1, on: true }]);
  });
  afterEach(() => space.close());

  it('writes a file that check and sync take', async () => {
    const ended = await space.run('init', '--dump', 'dump', '-o', 'new.yaml', '--table', 'file:./tables');
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(ended.stdout).toContain('notifications         20  updateTime    meta.seen');
    expect(ended.stdout).toContain('flags                  1  none found');
    const text = readFileSync(join(space.folder, 'new.yaml'), 'utf8');
    expect(text).toContain('path: "./dump"');
    expect(text).toContain('- notifications   # about 20 documents, by updateTime');
    const check = await space.run('-c', 'new.yaml', 'check');
    expect([check.code, check.stdout.includes('all is well')]).toEqual([0, true]);
    const sync = await space.json('-c', 'new.yaml', 'sync');
    expect(sync.results).toMatchObject([{ table: 'guest.notifications', inserted: 20 }]);
    expect(existsSync(join(space.folder, 'tables/notifications/_delta_log'))).toBe(true);
  });

  it('does not replace a file unless told so', async () => {
    const file = join(space.folder, 'mongolake.yaml');
    const refused = await space.run('init', '--dump', 'dump');
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('is there already');
    expect(readFileSync(file, 'utf8')).toBe('version: 1\n');
    const { ended, results } = await space.json('init', '--dump', 'dump', '--force');
    expect(ended.code).toBe(0);
    expect(results).toMatchObject([
      {
        database: 'guest',
        collections: [
          { name: 'flags', cursorField: null, cursorType: null, cursorFields: [] },
          { cursorField: 'updateTime', cursorType: 'date', indexed: null },
        ],
      },
    ]);
    expect(readFileSync(file, 'utf8')).toContain('cursorField: updateTime');
  });

  it('tells a dump that is not there, and a source that was not given', async () => {
    expect((await space.run('init', '--dump', 'gone', '-o', 'new.yaml')).stderr).toMatch(
      /gone: no such file or folder/,
    );
    expect((await space.run('init', '-o', 'new.yaml')).code).toBe(64);
    expect(existsSync(join(space.folder, 'new.yaml'))).toBe(false);
  });
});
