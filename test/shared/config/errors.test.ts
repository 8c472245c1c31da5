// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { describe, expect, test } from 'vitest';
import { failure, SMALL } from './sample.ts';

const change = (from: string, to: string): string => {
  expect(SMALL).toContain(from);
  return SMALL.replace(from, to);
};

const invalid = (place: string): string => `CONFIG_INVALID mongolake.yaml:${place}`;

describe('keys', () => {
  test.each([
    [
      'a slip',
      change('collections: [', 'colections: ['),
      '7:48 pipelines.guest.source.colections: unknown key (did you mean "collections"?)',
    ],
    [
      'nothing near',
      `${SMALL}zebra: 1\n`,
      '9:1 zebra: unknown key (known: "version", "connections", "vault", "hashKey", "queue", "defaults", "pipelines", "maxConcurrentRuns", "coordinator", "worker", "dashboard", "notify", "log")',
    ],
    [
      'of another kind',
      change('region: eu-west-1', 'region: eu-west-1, uri: "s3://lake"'),
      '4:40 connections.lake.uri: unknown key (known: "kind", "region", "endpoint", "forcePathStyle", "credentials", "caFile", "encryption", "expectedBucketOwner")',
    ],
    [
      'in a collection',
      `${SMALL}    collections: { bookings: { partition: 2 } }\n`,
      '9:32 pipelines.guest.collections.bookings.partition: unknown key (did you mean "partitions"?)',
    ],
    [
      'a merge key',
      `${SMALL}defaults: { <<: { partitions: 2 } }\n`,
      '9:13 defaults["<<"]: unknown key (known: "mode", "cursorField", "cursorType", "allowedLateness", "partitions", "schedule", "staleAfter", "engine", "targetFileSize", "rowGroupSize", "compression", "compressionLevel", "deletes", "deletedField", "verifySchedule", "verifyRepair", "maxQuarantined", "maxConcurrentReads", "documentsPerSecond", "checkpointInterval", "retention", "leaseTtl", "columns")',
    ],
    [
      'given twice',
      `${SMALL}log: { level: info }\nlog: { level: debug }\n`,
      '10:1 log: this key was already given on line 9',
    ],
    ['__proto__', `${SMALL}__proto__: { version: 1 }\n`, '9:1 __proto__: this key is not allowed'],
    ['constructor', `${SMALL}defaults: { constructor: 1 }\n`, '9:13 defaults.constructor: unknown key (known: '],
    [
      'not a name',
      change('  db:', '  "my db":'),
      '3:12 connections["my db"]: expected a name of letters, digits, - and _, which starts with a letter or digit',
    ],
    ['a variable', change('  guest:\n', '  ${NAME}:\n'), '7:5 pipelines["${NAME}"]: expected a name of letters'],
  ])('%s', (_, text, expected) => {
    expect(failure(text, { NAME: 'guest' })).toContain(invalid(expected));
  });
});

describe('values', () => {
  test.each([
    ['missing', change('version: 1\n', ''), '1:1 version: missing: expected 1'],
    ['another version', change('version: 1', 'version: 2'), '1:10 version: expected 1'],
    [
      'missing in a map',
      change(', region: eu-west-1', ''),
      '4:3 connections.lake.region: missing: expected a string that is not empty',
    ],
    ['empty', change('eu-west-1', '""'), '4:29 connections.lake.region: expected a string that is not empty'],
    [
      'no value',
      change('region: eu-west-1', 'region:'),
      '4:29 connections.lake.region: has no value: expected a string',
    ],
    ['a number for a string', change('eu-west-1', '5'), '4:29 connections.lake.region: expected a string; quote it'],
    [
      'no kind',
      change('kind: s3, ', ''),
      '4:3 connections.lake.kind: missing: expected one of "mongodb", "dump", "s3"',
    ],
    [
      'another kind',
      change('kind: s3', 'kind: gcs'),
      '4:17 connections.lake.kind: expected one of "mongodb", "dump", "s3"',
    ],
    ['a list for a map', `${SMALL}log: [info]\n`, '9:6 log: expected a map of keys'],
    ['a map for a list', change('["*"]', '{ a: 1 }'), '7:61 pipelines.guest.source.collections: expected a list'],
    ['an empty list', change('["*"]', '[]'), '7:61 pipelines.guest.source.collections: must not be empty'],
    [
      'a number in a list',
      change('["*"]', '[a, 2024]'),
      '7:65 pipelines.guest.source.collections[1]: expected a string; quote it',
    ],
    [
      'a duration without unit',
      `${SMALL}defaults:\n  allowedLateness: 5\n`,
      '10:20 defaults.allowedLateness: expected a duration with a unit, such as 90s, 5m, 1h 30m or 7d',
    ],
    [
      'a duration out of bounds',
      `${SMALL}defaults: { allowedLateness: 1ms }\n`,
      '9:30 defaults.allowedLateness: expected a duration from 1s to 30d',
    ],
    [
      'a size without unit',
      `${SMALL}worker: { memory: 512 }\n`,
      '9:19 worker.memory: expected a size with a unit, such as 128MB or 1GiB',
    ],
    [
      'a size out of bounds',
      `${SMALL}worker: { memory: 1MB }\n`,
      '9:19 worker.memory: expected a size from 64MB to 1TB',
    ],
    [
      'no power of two',
      `${SMALL}defaults: { partitions: 48 }\n`,
      '9:25 defaults.partitions: expected "auto" or a power of two from 1 to 65536, such as 64',
    ],
    [
      'too many partitions',
      `${SMALL}defaults: { partitions: 131072 }\n`,
      '9:25 defaults.partitions: expected "auto" or a power of two',
    ],
    [
      'a fraction',
      `${SMALL}maxConcurrentRuns: 1.5\n`,
      '9:20 maxConcurrentRuns: expected a whole number from 1 to 1000',
    ],
    [
      'not a number',
      `${SMALL}worker: { concurrency: .nan }\n`,
      '9:24 worker.concurrency: expected "auto" or a whole number from 1 to 1024',
    ],
    [
      'yes for true',
      change('eu-west-1', 'eu-west-1, forcePathStyle: yes'),
      '4:56 connections.lake.forcePathStyle: expected true or false',
    ],
    [
      'another word',
      `${SMALL}log: { level: loud }\n`,
      '9:15 log.level: expected one of trace, debug, info, warn, error, fatal, silent',
    ],
    [
      'no cron',
      `${SMALL}defaults: { schedule: often }\n`,
      '9:23 defaults.schedule: expected an interval such as 15m, a cron expression such as "0 3 * * *", or none',
    ],
    [
      'an hour that is none',
      `${SMALL}defaults: { schedule: "0 25 * * *" }\n`,
      '9:23 defaults.schedule: expected an interval such as 15m',
    ],
    [
      'a day that never comes',
      `${SMALL}defaults: { schedule: "0 0 31 2 *" }\n`,
      '9:23 defaults.schedule: expected a cron expression that comes up at least once',
    ],
    [
      'a month as an interval',
      `${SMALL}defaults: { schedule: 30d }\n`,
      '9:23 defaults.schedule: expected an interval from 1s to 24d',
    ],
    [
      'a field path with a hole',
      `${SMALL}defaults: { cursorField: a..b }\n`,
      '9:26 defaults.cursorField: expected a field name such as updateTime',
    ],
    [
      'no connection string',
      change('mongodb://localhost', 'localhost:27017'),
      '3:29 connections.db.uri: expected a connection string that starts with mongodb://',
    ],
    [
      'a time without zone',
      change('kind: mongodb, uri: "mongodb://localhost"', 'kind: dump, path: d, startedAt: 2026-01-31T02:00:00'),
      '3:41 connections.db.startedAt: expected a time with its zone',
    ],
    [
      'a user in an endpoint',
      change('eu-west-1', 'eu-west-1, endpoint: "http://me:secret@host"'),
      '4:50 connections.lake.endpoint: expected a URL that starts with http:// or https://, without a user',
    ],
    [
      'no pipeline',
      `${SMALL.slice(0, SMALL.indexOf('pipelines:'))}pipelines: {}\n`,
      '5:12 pipelines: expected at least one pipeline',
    ],
  ])('%s', (_, text, expected) => {
    expect(failure(text)).toContain(invalid(expected));
    expect(failure(text).split('\n')).toHaveLength(1);
  });

  test('several problems are all told, in the order of the file', () => {
    const text = `version: 3
connections:
  db: { kind: mongodb, uri: 5, uriX: 1 }
pipelines:
  guest:
    source: { connection: db, colections: [a], databse: guest }
    table: {}
`;
    expect(failure(text).split('\n')).toEqual([
      'CONFIG_INVALID mongolake.yaml:1:10 version: expected 1',
      'mongolake.yaml:3:29 connections.db.uri: expected a string; quote it',
      'mongolake.yaml:3:32 connections.db.uriX: unknown key (did you mean "uri"?)',
      'mongolake.yaml:6:31 pipelines.guest.source.colections: unknown key (did you mean "collections"?)',
      'mongolake.yaml:6:48 pipelines.guest.source.databse: unknown key (did you mean "database"?)',
      'mongolake.yaml:7:5 pipelines.guest.table.uri: missing: expected a string that is not empty',
    ]);
  });
});
