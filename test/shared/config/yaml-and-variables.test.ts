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
    ['far too deeply', `${SMALL}log: ${'['.repeat(50_000)}`, 'nested too deeply'],
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
    const many = `a: &a x\nb: [${Array(20_000).fill('*a')}]\n`;
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
      invalid('4:29 connections.lake.region: ${vault:kv/x#y}: nothing answers vault: references'),
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
