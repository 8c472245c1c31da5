// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type InitCollection, type InitOptions, renderInitConfig } from '../../../src/shared/config/init.ts';
import { resolveTargets } from '../../../src/shared/config/targets.ts';
import { CURSOR_TYPES, type CursorType } from '../../../src/shared/domain/cursor.ts';
import { parse } from './sample.ts';

const env = { MONGODB_URI: 'mongodb://u:p@h/', REDIS_URL: 'redis://r', KEY_ID: 'id', SECRET: 'key' };

const options: InitOptions = {
  source: { kind: 'mongodb', uriVariable: 'MONGODB_URI', database: 'guest' },
  collections: [
    {
      name: 'notifications',
      documents: 1_234_567,
      cursorFields: [
        { path: 'createTime', type: 'date', indexed: false },
        { path: 'updateTime', type: 'date', indexed: true },
      ],
    },
    { name: 'bookings', documents: 12, cursorFields: [{ path: 'updateTime', type: 'date', indexed: false }] },
    { name: 'audit', documents: undefined, cursorFields: [{ path: 'at', type: 'date', indexed: true }] },
    { name: 'flags', documents: 3, cursorFields: [] },
  ],
  tableUri: 's3://lake/guest',
};

test('the file as a whole', () => {
  expect(
    renderInitConfig(options),
  ).toBe(`# yaml-language-server: $schema=./node_modules/mongolake/schema/mongolake.schema.json
# Secrets stay in variables: \${NAME}, or \${NAME:-default}. Every key: \`mongolake schema --config\`.
version: 1

connections:
  source:
    kind: mongodb
    uri: "\${MONGODB_URI}"
  lake:
    kind: s3
    region: us-east-1
    # credentials: left out, so the AWS SDK's usual chain is asked

queue:
  kind: local   # everything in this process; for workers of their own: kind: redis, url: "\${REDIS_URL}"

defaults:
  cursorField: updateTime   # the field that every write sets to its time; it needs an index
  allowedLateness: 5m   # how much later than its time a document may appear; each run reads this much again
  partitions: auto      # or a power of two
  schedule: 15m         # for the coordinator: an interval, a cron expression (UTC), or none

pipelines:
  guest:
    source:
      connection: source
      database: guest
      collections:   # names, * and ? as wildcards, "!..." to leave out
        - notifications   # about 1,234,567 documents, updateTime is indexed
        - bookings   # about 12 documents, updateTime has NO index: every sync would scan the collection, make one first
        - audit   # at is indexed
        # - flags   # no field that tells a time in a sample
    table:
      connection: lake
      uri: "s3://lake/guest/{collection}"
    collections:   # what differs from the defaults
      audit:
        cursorField: at
`);
});

test('parses, and means what was found', async () => {
  const config = parse(renderInitConfig(options), env);
  const targets = await resolveTargets(config, undefined, async () => []);
  expect(targets.map(({ name, tableUri, settings }) => [name, tableUri, settings.cursorField])).toEqual([
    ['guest.notifications', 's3://lake/guest/notifications', 'updateTime'],
    ['guest.bookings', 's3://lake/guest/bookings', 'updateTime'],
    ['guest.audit', 's3://lake/guest/audit', 'at'],
  ]);
});

test('Redis, another store and a dump', () => {
  const text = renderInitConfig({
    ...options,
    source: { kind: 'dump', path: './my dump: 1' },
    s3: {
      region: 'eu-west-1',
      endpoint: 'http://minio:9000',
      accessKeyVariable: 'KEY_ID',
      secretKeyVariable: 'SECRET',
    },
    redisVariable: 'REDIS_URL',
    schemaUrl: 'https://example.com/a b.json',
  });
  expect(text).toContain('$schema=https://example.com/a%20b.json\n');
  expect(text).toContain('- bookings   # about 12 documents, by updateTime\n');
  const config = parse(text, env);
  expect(config.queue).toMatchObject({ kind: 'redis', url: 'redis://r' });
  expect(config.connections).toEqual({
    source: { kind: 'dump', path: '/etc/my dump: 1' },
    lake: {
      kind: 's3',
      region: 'eu-west-1',
      endpoint: 'http://minio:9000',
      forcePathStyle: true,
      credentials: { accessKeyId: 'id', secretAccessKey: 'key' },
    },
  });
});

test('nothing found still parses', () => {
  const config = parse(renderInitConfig({ ...options, collections: [], tableUri: './lake/' }), env);
  expect(config.pipelines.guest).toMatchObject({
    source: { collections: ['*'] },
    table: { uri: './lake/{collection}' },
  });
});

test('a variable that is none is refused, without being quoted', () => {
  const source = { ...options.source, kind: 'mongodb', uriVariable: 'mongodb://u:p@h', database: 'x' } as const;
  expect(() => renderInitConfig({ ...options, source })).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.not.stringContaining('u:p') }),
  );
});

describe('any names', () => {
  const hard = fc.constantFrom(
    '*',
    '!',
    '?',
    '\\',
    '"',
    "'",
    '${A}',
    '$${',
    '#',
    ': ',
    '\n',
    '\r',
    '\u2028',
    '\u0085',
    '\ufeff',
    '\ue041',
    '&a',
    '{',
    ' ',
    '\ud800',
    'null',
    '.',
    'é',
  );
  const name = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.array(hard, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
    fc.constantFrom(
      '__proto__',
      'constructor',
      'null',
      'true',
      '~',
      '1e3',
      '0x10',
      '- a',
      '!!str',
      'system.js',
      '2024-01-01',
      '<<',
    ),
  );
  const path = fc.oneof(name, fc.constantFrom('updateTime', 'a.b', 'meta.updatedAt'));
  const collection = fc.record({
    name,
    documents: fc.option(fc.nat(), { nil: undefined }),
    cursorFields: fc.array(fc.record({ path, type: fc.constantFrom(...CURSOR_TYPES), indexed: fc.boolean() }), {
      maxLength: 3,
    }),
  });
  const database = fc.string({ minLength: 1, maxLength: 60 }).filter((text) => /^[^/\\. "$]+$/.test(text));

  test('parse, and resolve to the collections that have a field that tells a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(collection, { selector: (one) => one.name }),
        database,
        async (collections, db) => {
          const text = renderInitConfig({
            ...options,
            source: { kind: 'mongodb', uriVariable: 'MONGODB_URI', database: db },
            collections,
          });
          const config = parse(text, env);
          const targets = await resolveTargets(config, undefined, async () => [{ database: db, name: 'only' }]);
          const expected = collections
            .filter((one) => one.name !== '__proto__' && one.cursorFields.some((field) => isFieldPath(field.path)))
            .map((one) => one.name);
          expect(targets.map((target) => target.collection)).toEqual(expected.length === 0 ? ['only'] : expected);
          for (const target of expected.length === 0 ? [] : targets) {
            const found = collections.find((one) => one.name === target.collection);
            const { cursorField: path, cursorType: type } = target.settings;
            expect(found?.cursorFields).toContainEqual(expect.objectContaining({ path, type }));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  function isFieldPath(text: string): boolean {
    return text.trim() === text && text.split('.').every((part) => part !== '' && !part.startsWith('$'));
  }
});

describe('fields that are no dates', () => {
  const field = (path: string, type: CursorType, indexed = false) => ({ path, type, indexed });
  const render = (...cursorFields: InitCollection['cursorFields'][]) =>
    renderInitConfig({
      ...options,
      collections: cursorFields.map((fields, index) => ({ name: `c${index}`, documents: 1, cursorFields: fields })),
    });

  test('are written with their type, a collection of another type with its own', () => {
    const text = render(
      [field('updatedAt', 'epochSeconds', true)],
      [field('updatedAt', 'date')],
      [field('ts', 'epochSeconds')],
    );
    expect(text).toContain('  cursorField: updatedAt   # the field');
    expect(text).toContain('\n  cursorType: epochSeconds\n');
    expect(parse(text, env).pipelines.guest?.collections).toEqual({
      c1: { cursorField: 'updatedAt', cursorType: 'date' },
      c2: { cursorField: 'ts' },
    });
  });

  test('an _id is taken only where there is nothing else, and with what that means', () => {
    const ids = [field('_id', 'objectId', true)];
    const text = render(ids, ids, ids, [field('changed', 'timestamp')]);
    expect(text).toContain('cursorField: changed');
    expect(text).toContain('- c0   # about 1 documents, _id is indexed (finds new documents only, no changes)');
  });
});
