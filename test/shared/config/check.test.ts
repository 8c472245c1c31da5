import { describe, expect, test } from 'vitest';
import { failure, parse, SMALL, withPipelines } from './sample.ts';

const DUMP = 'kind: dump, path: ./dump';
const MONGODB = 'kind: mongodb, uri: "mongodb://localhost"';

/** A pipeline on one line each for source and table. */
const pipeline = (name: string, source: string, table: string): string =>
  `  ${name}:\n    source: { ${source} }\n    table: { ${table} }\n`;

const GUEST = 'connection: db, database: guest';
const invalid = (place: string): string => `CONFIG_INVALID mongolake.yaml:${place}`;

describe('connections', () => {
  test.each([
    [
      'of no such name',
      'connection: d',
      'uri: a',
      '7:27 pipelines.p.source.connection: no connection of this name (did you mean "db"?)',
    ],
    [
      'that is a store',
      'connection: lake',
      'uri: a',
      '7:27 pipelines.p.source.connection: this connection is of kind s3; expected one of kind mongodb or dump',
    ],
    [
      'that objects inherit',
      'connection: toString',
      'uri: a',
      '7:27 pipelines.p.source.connection: no connection of this name (known: "db")',
    ],
    [
      'for a table, missing',
      GUEST,
      'uri: "s3://lake/a"',
      '8:5 pipelines.p.table.connection: missing: s3:// needs the name of an s3 connection',
    ],
    [
      'for a table, of no such name',
      GUEST,
      'connection: lak, uri: "s3://lake/a"',
      '8:26 pipelines.p.table.connection: no connection of this name (did you mean "lake"?)',
    ],
    [
      'for a table, that is a source',
      GUEST,
      'connection: db, uri: "s3://lake/a"',
      '8:26 pipelines.p.table.connection: this connection is of kind mongodb; expected one of kind s3',
    ],
    [
      'for a folder',
      GUEST,
      'connection: lake, uri: "file:./a"',
      '8:14 pipelines.p.table.connection: a local folder takes no connection; write an s3:// uri for one',
    ],
  ])('%s', (_, source, table, expected) => {
    expect(failure(withPipelines(pipeline('p', `${source}, collections: [a]`, table)))).toContain(invalid(expected));
  });

  test('no store at all', () => {
    const text = withPipelines(pipeline('p', `${GUEST}, collections: [a]`, 'connection: lake, uri: "s3://lake/a"'));
    expect(failure(text.replace(/ {2}lake: .*\n/, ''))).toBe(
      invalid('7:26 pipelines.p.table.connection: there is no connection of kind s3 at all'),
    );
  });

  test('a dump is a local file', () => {
    const withDump = (dump: string) => failure(SMALL.replace(MONGODB, dump));
    expect(withDump(DUMP)).toBe('no error');
    expect(withDump('kind: dump, path: "s3://lake/dump"')).toBe(
      invalid('3:27 connections.db.path: expected a path on a local disk'),
    );
    expect(withDump('kind: dump, path: ./dump, connection: lake')).toBe(
      invalid('3:35 connections.db.connection: unknown key (known: "kind", "path", "startedAt")'),
    );
  });
});

describe('sources', () => {
  test('MongoDB needs a database and collections; both are told', () => {
    expect(failure(withPipelines(pipeline('p', 'connection: db', 'uri: "lake/{collection}"'))).split('\n')).toEqual([
      invalid('7:5 pipelines.p.source.database: missing: expected the name of a database'),
      'mongolake.yaml:7:5 pipelines.p.source.collections: missing: expected a list of names; ["*"] is all',
    ]);
  });

  test('a dump needs neither', () => {
    const text = withPipelines(pipeline('p', 'connection: db', 'uri: "lake/{collection}"')).replace(MONGODB, DUMP);
    expect(parse(text).pipelines.p?.source).toEqual({
      connection: 'db',
      mode: 'cursor',
      followInterval: 10_000,
    });
  });

  test('a dump has no change stream', () => {
    const text = withPipelines(pipeline('p', 'connection: db, mode: changestream', 'uri: "lake/{collection}"'));
    expect(failure(text.replace(MONGODB, DUMP))).toBe(
      invalid('7:37 pipelines.p.source.mode: a dump has no change stream'),
    );
  });

  test('settings of a collection that is never taken', () => {
    const text = withPipelines(
      `${pipeline('p', `${GUEST}, collections: [a, "!*_tmp"]`, 'uri: a')}    collections: { a: {}, b: {}, a_tmp: {} }\n`,
    );
    expect(failure(text).split('\n')).toEqual([
      invalid('9:27 pipelines.p.collections.b: source.collections does not take this collection'),
      'mongolake.yaml:9:34 pipelines.p.collections.a_tmp: source.collections does not take this collection',
    ]);
  });
});

describe('the folder of a table', () => {
  const many = 'more than one collection can match, and each is a table with a folder of its own';

  test.each([
    ['[a, b]', true],
    ['["a*"]', true],
    ['["!a"]', true],
    ['[a]', false],
    ['[a, a, b_tmp, "!*_tmp"]', false],
  ])('collections %s need a placeholder: %s', (collections, needed) => {
    const text = withPipelines(pipeline('p', `${GUEST}, collections: ${collections}`, 'uri: "lake/{database}"'));
    expect(failure(text)).toBe(
      needed ? invalid(`8:19 pipelines.p.table.uri: needs {collection}: ${many}`) : 'no error',
    );
  });

  test.each([
    ['./dump', true],
    ['./dump/guest/a.bson', false],
    ['./dump/guest/a.bson.gz', false],
  ])('a dump %s without collections needs a placeholder: %s', (path, needed) => {
    const text = withPipelines(pipeline('p', 'connection: db', 'uri: lake')).replace(
      MONGODB,
      `kind: dump, path: ${path}`,
    );
    expect(failure(text)).toBe(
      needed ? invalid(`8:19 pipelines.p.table.uri: needs {collection}: ${many}`) : 'no error',
    );
  });

  test.each([
    ['the same name', '[a]', 'lake', '[b]', 'lake', true],
    ['written otherwise', '[a]', 'lake', '[b]', 'file:./x/../lake/', true],
    ['one in the other', '[a]', 'lake', '["*"]', 'lake/{collection}', true],
    ['a name and a wildcard', '[bookings]', 'lake/{collection}', '["booking*"]', 'lake/{collection}', true],
    [
      'a name and a wildcard that leaves it out',
      '[bookings]',
      'lake/{collection}',
      '["*", "!bookings"]',
      'lake/{collection}',
      false,
    ],
    ['two wildcards', '["booking*"]', 'lake/{collection}', '["*"]', 'lake/{collection}', true],
    ['two wildcards apart', '["booking*"]', 'lake/{collection}', '["user*"]', 'lake/{collection}', false],
    [
      'by the names of the pipelines',
      '["*"]',
      'lake/{pipeline}/{collection}',
      '["*"]',
      'lake/{pipeline}/{collection}',
      false,
    ],
    ['one filled, one spelled out', '["*"]', 'lake/{collection}', '[x]', 'lake/orders', true],
    ['one longer than the other', '[a]', 'lake/a', '[a]', 'lake/ab', false],
  ])('two pipelines, %s', (_, one, uri, other, otherUri, refused) => {
    const text = withPipelines(
      pipeline('p', `${GUEST}, collections: ${one}`, `uri: "${uri}"`) +
        pipeline('q', `${GUEST}, collections: ${other}`, `uri: "${otherUri}"`),
    );
    const words =
      'leads to the same folder as pipelines.p.table.uri, or one within it, for some collection; add {pipeline} or another folder';
    expect(failure(text)).toBe(refused ? invalid(`11:19 pipelines.q.table.uri: ${words}`) : 'no error');
  });

  test('one bucket name at two endpoints is two places', () => {
    const tables = (other: string) =>
      failure(
        withPipelines(
          pipeline('p', `${GUEST}, collections: [a]`, 'connection: lake, uri: "s3://lake/a"') +
            pipeline('q', `${GUEST}, collections: [a]`, `connection: ${other}, uri: "s3://lake/a"`),
        ).replace('pipelines:', '  minio: { kind: s3, region: x, endpoint: "http://minio:9000" }\npipelines:'),
      );
    expect(tables('minio')).toBe('no error');
    expect(tables('lake')).toContain('pipelines.q.table.uri: leads to the same folder');
  });
});

describe('a proxy that logs people in', () => {
  const dashboard = (keys: string) => failure(`${SMALL}dashboard: { ${keys} }\n`);
  const HEADER = 'proxyHeader: X-Forwarded-Email';

  test.each([
    ['[10.0.3.7]', 'no error'],
    ['["10.0.0.0/8", "fd00::/8", "::1"]', 'no error'],
    ['[10.0.0.0/33]', 'expected an address such as 10.0.3.7, or a range such as 10.0.0.0/8'],
    ['[proxy.example]', 'expected an address such as 10.0.3.7, or a range such as 10.0.0.0/8'],
    ['[10.0.0.0/8/8]', 'expected an address such as 10.0.3.7, or a range such as 10.0.0.0/8'],
    ['[]', 'trustedProxies'],
  ])('is trusted by address: %s', (trusted, expected) => {
    expect(dashboard(`${HEADER}, trustedProxies: ${trusted}`)).toContain(expected);
  });

  test('a header without addresses, or the other way round, is refused', () => {
    const both = 'proxyHeader and trustedProxies only go together';
    expect(dashboard(HEADER)).toContain(both);
    expect(dashboard('trustedProxies: [10.0.3.7]')).toContain(both);
    expect(dashboard('proxyHeader: "X Email", trustedProxies: [10.0.3.7]')).toContain('expected the name of a header');
  });
});
