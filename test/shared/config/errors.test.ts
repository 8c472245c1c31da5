// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/shared/config.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { DESIGN_EXAMPLE, failure, SMALL } from './sample.ts';

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
      '9:1 zebra: unknown key (known: "version", "connections", "queue", "defaults", "pipelines", "maxConcurrentRuns", "worker", "log")',
    ],
    [
      'of another kind',
      change('region: eu-west-1', 'region: eu-west-1, uri: "s3://lake"'),
      '4:40 connections.lake.uri: unknown key (known: "kind", "region", "endpoint", "forcePathStyle", "credentials")',
    ],
    [
      'in a collection',
      `${SMALL}    collections: { bookings: { partition: 2 } }\n`,
      '9:32 pipelines.guest.collections.bookings.partition: unknown key (did you mean "partitions"?)',
    ],
    [
      'a merge key',
      `${SMALL}defaults: { <<: { partitions: 2 } }\n`,
      '9:13 defaults["<<"]: unknown key (known: "cursorField", "allowedLateness", "partitions", "schedule", "targetFileSize", "rowGroupSize", "engine", "compression", "compressionLevel", "checkpointInterval", "retention", "leaseTtl")',
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

describe('YAML', () => {
  test.each([
    ['nothing', '', '1:1 the file is empty'],
    ['only a comment', '# version: 1\n', '1:1 the file is empty'],
    ['a string', 'version', '1:1 expected a map of keys'],
    ['an open quote', change('"mongodb://localhost"', '"mongodb://localhost'), ''],
    ['an open brace', change('eu-west-1 }', 'eu-west-1'), ''],
    ['a tab', `${SMALL}log:\n\tlevel: info\n`, '10:1 a tab can not indent YAML; use spaces'],
    ['two documents', `${SMALL}---\nversion: 1\n`, '9:1 more than one YAML document; use one file each'],
    [
      'an unquoted pattern with *',
      change('["*"]', '[*_tmp]'),
      '7:62 pipelines.guest.source.collections[0]: no anchor of this name comes before; quote a value that starts with *',
    ],
    [
      'an unquoted pattern with !',
      change('["*"]', '[a, !b*]'),
      '7:65 tags are not supported; quote a value that starts with !',
    ],
    ['a placeholder without quotes', change('"file:./lake/{collection}"', 'file:./lake/{collection}'), ''],
    ['a key that is a map', `${SMALL}? { a: 1 }\n: 2\n`, '9:3 a key must be a plain string'],
    ['nested too deeply', `${SMALL}log: ${'['.repeat(40)}${']'.repeat(40)}\n`, '9:38 log[0][0]: nested too deeply'],
    ['far too deeply', `${SMALL}log: ${'['.repeat(200_000)}`, ''],
    ['too large', `${SMALL}#${'x'.repeat(2 ** 20)}`, '1:1 the file is larger than 1 MiB'],
    ['a cycle', `${SMALL}log: &log { level: *log }\n`, 'nested too deeply'],
  ])('%s', (_, text, expected) => {
    const message = failure(text);
    expect(message).toContain('CONFIG_INVALID mongolake.yaml:');
    expect(message).toContain(expected);
  });

  test('a bomb of aliases is refused in no time', () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `l${i}: &l${i} [${Array(10).fill(i === 0 ? 'x' : `*l${i - 1}`)}]`,
    );
    expect(failure(`${SMALL}${levels.join('\n')}\n`)).toContain('too many values (a cycle or a bomb of aliases?)');
  });

  test('very many aliases are refused in no time, though each is short', () => {
    const many = `a: &a x\nb: [${Array(50_000).fill('*a')}]\n`;
    expect(failure(`${SMALL}${many}`)).toContain('too many aliases');
  });

  test('an alias of nothing is the only problem', () => {
    expect(failure(change('["*"]', '[*_tmp]')).split('\n')).toHaveLength(1);
  });

  test('an old %YAML directive does not change how values are read', () => {
    expect(failure(`%YAML 1.1\n---\n${change('eu-west-1', 'no')}`)).toBe('no error');
  });

  test('a message never quotes the text', () => {
    for (const text of [
      change('"mongodb://localhost"', '"mongodb://u:secret@h" secret'),
      change('localhost"', 'secret'),
    ]) {
      expect(failure(text)).toContain('CONFIG_INVALID');
      expect(failure(text)).not.toContain('secret');
    }
  });
});

describe('variables', () => {
  test('an unset one is CONFIG_VARIABLE and names file, line, key and variable; all are told', () => {
    expect(failure(DESIGN_EXAMPLE)).toBe(
      'CONFIG_VARIABLE mongolake.yaml:4:32 connections.guest.uri: variable ${MONGODB_URI} is not set\n' +
        'mongolake.yaml:7:28 queue.url: variable ${REDIS_URL} is not set',
    );
  });

  test('an unset one together with another problem is CONFIG_INVALID and tells both', () => {
    expect(failure(`${change('"mongodb://localhost"', '${URI}')}zebra: 1\n`)).toMatch(
      /^CONFIG_INVALID mongolake.yaml:3:29 connections.db.uri: variable \$\{URI\} is not set\nmongolake.yaml:9:1 zebra: unknown key/,
    );
  });

  test('an unset one is the only problem, wherever it stands', () => {
    for (const [from, to] of [
      ['kind: s3', 'kind: ${KIND}'],
      ['connection: db', 'connection: ${KIND}'],
      ['database: guest', 'database: ${KIND}'],
      ['["*"]', '[a, "${KIND}"]'],
      ['version: 1', 'version: ${KIND}'],
    ] as const) {
      expect(failure(change(from, to))).toMatch(/^CONFIG_VARIABLE [^\n]*variable \$\{KIND\} is not set$/);
    }
  });

  test('an empty one is told by its name', () => {
    expect(failure(change('"mongodb://localhost"', '${URI}'), { URI: '' })).toBe(
      invalid(
        '3:29 connections.db.uri: expected a connection string that starts with mongodb:// or mongodb+srv:// (the value comes from ${URI})',
      ),
    );
  });

  test('one with an empty default is missing where the key is needed', () => {
    expect(failure(change('eu-west-1', '"${REGION:-}"'))).toBe(
      invalid(
        '4:29 connections.lake.region: missing: expected a string that is not empty (the value comes from ${REGION})',
      ),
    );
  });

  test('a malformed one and an unknown scheme', () => {
    expect(failure(change('eu-west-1', '"${A B}"'))).toBe(
      invalid(
        '4:29 connections.lake.region: not a reference such as ${NAME} or ${NAME:-default}; write $${ for a literal ${',
      ),
    );
    expect(failure(change('eu-west-1', '${vault:kv/x#y}'))).toBe(
      invalid('4:29 connections.lake.region: nothing answers vault: references'),
    );
  });

  test('what a variable holds is in no message', () => {
    const text = `version: \${V0}
connections:
  db: { kind: \${V1}, uri: \${V2}, readPreference: \${V3} }
  ok: { kind: mongodb, uri: "mongodb://h" }
  lake: { kind: s3, region: x, endpoint: \${V4}, forcePathStyle: \${V5} }
queue: { kind: redis, url: \${V6} }
defaults: { partitions: \${V7}, schedule: \${V8}, retention: \${V9}, cursorField: ".\${V9}" }
pipelines:
  a: { source: { connection: \${VA}, database: d, collections: [x] }, table: { connection: \${VB}, uri: "\${VC}/{x" } }
`;
    const fine = text
      .replace(/^version.*/, 'version: 1')
      .replace(/ {2}db:.*\n/, '')
      .replace(/, endpoint: .*/, ' }')
      .replace(/queue.*\n/, '')
      .replace(/defaults.*\n/, '');
    const secret = fc.string({ unit: fc.constantFrom(...'QXZ0:/{}$*? .'), minLength: 6, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(secret, { minLength: 13, maxLength: 13 }), (secrets) => {
        const env = Object.fromEntries(secrets.map((value, index) => [`V${index.toString(16).toUpperCase()}`, value]));
        for (const one of [text, fine]) {
          const message = failure(one, env);
          expect(message).toContain('CONFIG_INVALID');
          for (const value of secrets.filter((candidate) => /[QXZ]/.test(candidate)))
            expect(message).not.toContain(value);
        }
      }),
    );
  });
});

test('garbage is refused by our own error, whatever it is', () => {
  const piece = fc.constantFrom(
    ...[
      'version: 1',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ': ',
      '&a ',
      '*a',
      '!x',
      '${X}',
      '"',
      "'",
      '|',
      '#',
      '%',
      '---',
      'connections',
      '\t',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      try {
        parseConfig(pieces.join(''), 'mongolake.yaml', {});
      } catch (error) {
        expect(error).toBeInstanceOf(MongolakeError);
        expect((error as MongolakeError).exitCode).toBe(78);
      }
    }),
    { numRuns: 1000 },
  );
});
