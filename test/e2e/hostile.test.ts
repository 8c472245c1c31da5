// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a name that looks like a reference
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;
const updateTime = new Date('2026-05-01T00:00:00Z');
const FORGED =
  'x\nerror guest.notifications: forged [INTERNAL]\n{"level":"error","message":"forged"}\r\u001b[2J\u009b2J\u202e';
/** What collections may be called, by somebody who means harm or by somebody who does not know. */
const NAMES = [
  ...['..', '.', '../../escape', '/etc/escape', '..\\escape', 'a/../../escape', '%2e%2e', '%2F'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'],
  ...['_delta_log', '_mongolake', '{collection}', '$where', '-c', '${HOME}', FORGED],
];

const configOf = (engine: string, more: object = {}) => ({
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  worker: { scratch: './scratch' },
  defaults: { partitions: 1, engine, ...more },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['*'] },
      table: { uri: 'file:./in/lake/{collection}' },
    },
  },
});

let space: Workspace;
beforeEach(() => {
  space = workspace(configOf('duckdb'));
});
afterEach(() => space.close());
const file = (collection: string) => join(space.folder, 'dump/guest', `${encodeURIComponent(collection)}.bson`);
/** Files below a folder, relative to it. */
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

describe('names of collections that mean to break out', { timeout: SLOW_MS }, () => {
  it('are tables beside each other, in the folder of the pipeline, and no line of a log is theirs to write', async () => {
    for (const name of NAMES) writeDump(file(name), [{ _id: name, updateTime }]);
    const before = filesBelow(space.folder);
    const { ended, results } = await space.json('--log-level', 'debug', '--log-format', 'json', 'sync');
    expect(results.map(({ table, inserted }) => [table, inserted])).toEqual(
      expect.arrayContaining(NAMES.map((name) => [`guest.${name}`, 1])),
    );
    expect(ended.code).toBe(0);
    // Every line is one of ours: JSON, with a level and a message.
    for (const line of ended.stderr.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(String),
        message: expect.not.stringMatching(/^forged/),
      });
    const made = filesBelow(space.folder).filter((path) => !before.includes(path));
    const tables = new Set(made.map((path) => /^in\/lake\/([^/]+)\/(?:_delta_log|_mongolake|data)\//.exec(path)?.[1]));
    expect(tables.has(undefined)).toBe(false);
    expect(tables.size).toBe(NAMES.length);
    for (const place of [dirname(space.folder), '/etc']) expect(existsSync(join(place, 'escape'))).toBe(false);

    for (const command of [
      'sync',
      'status',
      'check',
      'plan',
      'history',
      'head',
      'files',
      'verify',
      'schema',
      'quarantine',
    ]) {
      const { stdout, stderr } = await space.run('--log-level', 'debug', '--log-format', 'pretty', command);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      expect(`${stdout}${stderr}`.match(/^.*[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e].*$/m)).toBe(null);
      expect(`${stdout}${stderr}`).not.toMatch(/^error guest\.notifications: forged/m);
    }
  });

  it('are told in an error as one line that poses as no other', async () => {
    writeDump(file(FORGED), [{ _id: 1, updateTime }]);
    writeFileSync(file(FORGED), 'broken');
    const { code, stderr } = await space.run('sync');
    expect(code).not.toBe(0);
    expect(stderr).toContain('[DUMP_BROKEN]');
    expect(stderr).not.toMatch(/^(?:error guest\.notifications|\{"level")/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe('fields that mean to break in', { timeout: SLOW_MS }, () => {
  const fields = [
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'],
    ...['', ' ', '.', 'a.b', '$set', 'a\nb', 'a"b', "a'b; DROP TABLE t; --", '\u001b[2J', '../../escape', '_id.x', 'Ⅷ'],
  ];
  /** A field of that name, whatever its name means to JavaScript. */
  const having = (name: string, value: unknown) => JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`);

  it.each(['duckdb', 'parquetjs'])('are columns with their values and harm nobody: %s', async (engine) => {
    space.configure(configOf(engine));
    const documents = fields.map((name, index) => ({
      _id: index,
      updateTime,
      ...having(`top ${index}`, having(name, `inner ${index}`)),
    }));
    const flat = { _id: 99, updateTime };
    for (const name of fields) Object.defineProperty(flat, name, { value: `flat ${name}`, enumerable: true });
    writeDump(file('c'), [...documents, flat]);
    const { ended, results } = await space.json('sync');
    expect(ended.stderr).toBe('');
    expect(results).toMatchObject([{ inserted: fields.length + 1, quarantined: 0 }]);
    const { stdout } = await space.run('--json', 'head', '-n', '100');
    for (const name of fields) expect(stdout).toContain(JSON.stringify(`flat ${name}`).slice(1, -1));
    // `head` leaves out the first, __proto__ inside of a struct: DuckDB's client makes objects by assignment. It is in the file.
    for (const index of fields.keys()) if (index > 0) expect(stdout).toContain(`"inner ${index}"`);
    expect((await space.json('sync')).results).toMatchObject([{ updated: 0 }]);
  });

  it('and documents nested deeper than anything follows are put aside, not died of', async () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 5000; depth++) deep = [deep];
    writeDump(file('c'), [{ _id: 'good', updateTime }]);
    const { serialize } = await import('bson');
    let bytes: Uint8Array = new Uint8Array();
    try {
      bytes = serialize({ _id: 'deep', updateTime, deep });
    } catch {
      // bson itself may give up first.
    }
    writeFileSync(file('c'), Buffer.concat([readFileSync(file('c')), bytes]));
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ status: 'committed' }]);
  });
});

describe('a table that is pointed at another one', { timeout: SLOW_MS }, () => {
  const pointing = (uri: string, collection = 'b') => ({
    ...configOf('duckdb'),
    pipelines: {
      guest: { source: { connection: 'guest', database: 'guest', collections: [collection] }, table: { uri } },
    },
  });
  beforeEach(async () => {
    for (const name of ['a', 'b']) writeDump(file(name), [{ _id: name, updateTime }]);
    space.configure(pointing('file:./lake/a', 'a'));
    expect((await space.json('sync')).results).toMatchObject([{ inserted: 1 }]);
  });

  it.each([
    ['the table itself', 'file:./lake/a', 'TABLE_NAMESPACE'],
    ['the same by a detour', 'file:./lake/x/../a', 'TABLE_NAMESPACE'],
    ['its log', 'file:./lake/a/_delta_log', 'CONFIG_INVALID'],
    ['its staging', 'file:./lake/a/_mongolake/runs/{collection}', 'CONFIG_INVALID'],
  ])('%s: refused, and that one is as before', async (_name, uri, code) => {
    const before = filesBelow(join(space.folder, 'lake')).sort();
    space.configure(pointing(uri));
    const { ended } = await space.json('sync');
    expect(`${ended.stdout}${ended.stderr}`).toContain(code);
    expect(ended.code).toBe(78);
    expect(filesBelow(join(space.folder, 'lake')).sort()).toEqual(before);
  });
});

describe('a log that somebody else wrote into', { timeout: SLOW_MS }, () => {
  it.each([
    '../../secret.parquet',
    '/etc/passwd',
    's3://other/secret.parquet',
    'file:///etc/passwd',
    'data/../../../x',
  ])('a file at %s is not fetched', async (path) => {
    writeDump(file('c'), [{ _id: 1, updateTime }]);
    space.configure(configOf('duckdb'));
    expect((await space.json('sync')).ended.code).toBe(0);
    const entry = join(space.folder, 'in/lake/c/_delta_log/00000000000000000000.json');
    const text = readFileSync(entry, 'utf8');
    const [own = ''] = /data\/[^"]+\.parquet/.exec(text) ?? [];
    writeFileSync(entry, text.replaceAll(own, path));
    writeDump(file('c'), [{ _id: 1, a: 1, updateTime: new Date() }]);
    const { ended, results } = await space.json('backfill');
    expect(ended.code).not.toBe(0);
    expect(results).toMatchObject([{ status: 'failed' }]);
    expect(results[0]?.error?.code).toMatch(/^(?:TABLE_FOREIGN|TABLE_CORRUPT|OBJECT_MISSING|INTERNAL|JOB_FAILED)$/);
  });
});
