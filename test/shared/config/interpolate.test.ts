// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolate, maskReferences } from '../../../src/shared/config/interpolate.ts';

const env = { HOST: 'db', EMPTY: '', TRICKY: '${HOST} $${HOST}' };

const vault = (value: string) => ({ scheme: 'vault', resolve: () => ({ value }) });

describe('interpolate', () => {
  test.each([
    ['${HOST}', 'db'],
    ['mongodb://${HOST}:${PORT:-27017}/', 'mongodb://db:27017/'],
    ['${HOST:-other}', 'db'],
    ['${EMPTY}', ''],
    ['${EMPTY:-other}', 'other'],
    ['${NONE:-a:-b}', 'a:-b'],
    ['$${HOST}', '${HOST}'],
    ['$$${HOST}', '$${HOST}'],
    ['$HOST {HOST} $', '$HOST {HOST} $'],
    ['a${NONE:-}b', 'ab'],
  ])('%s gives %s', (text, expected) => {
    expect(interpolate(text, env)).toMatchObject({ text: expected, unset: [], problems: [] });
  });

  test('what a variable holds is not looked at again', () => {
    expect(interpolate('${TRICKY}', env).text).toBe('${HOST} $${HOST}');
  });

  test('an empty default leaves the key out, an empty variable does not', () => {
    expect(interpolate('${NONE:-}', env).text).toBeUndefined();
    expect(interpolate('${EMPTY:-}', env).text).toBeUndefined();
    expect(interpolate('${EMPTY}', env).text).toBe('');
  });

  test('unset variables are named, inherited names are no variables', () => {
    expect(interpolate('${NONE} ${toString}', env).unset).toEqual(['${NONE}', '${toString}']);
  });

  test.each(['${', '${}', '${A B}', '${1A}', '${A', '${A:-${HOST}}', '${A:+x}', '${vault:-}x${'])(
    '%s is malformed',
    (text) => {
      expect(interpolate(text, { ...env, vault: '' }).problems).toEqual([
        'not a reference such as ${NAME} or ${NAME:-default}; write $${ for a literal ${',
      ]);
    },
  );

  test('another scheme is asked of its resolver', () => {
    expect(interpolate('${vault:kv/mongo#uri}', env, [vault('mongodb://')]).text).toBe('mongodb://');
    expect(interpolate('${vault:kv/mongo#uri}', env).problems).toEqual([
      '${vault:kv/mongo#uri}: nothing answers vault: references',
    ]);
    const none = { scheme: 'vault', resolve: () => ({ problem: 'there is nothing at kv' }) };
    expect(interpolate('${vault:kv#none}', env, [none])).toMatchObject({
      unset: [],
      problems: ['${vault:kv#none}: there is nothing at kv'],
    });
    const later = { scheme: 'vault', resolve: () => ({ later: true as const }) };
    expect(interpolate('a ${vault:kv#x}', env, [later])).toMatchObject({ later: true, problems: [] });
  });

  test.each([
    ['mongodb://reader:${vault:kv#p}@db/', 'mongodb://reader:p%40s%2Fs%3A%25@db/'],
    ['mongodb://${vault:kv#p}:${vault:kv#p}@db,db2/?a=b', 'mongodb://p%40s%2Fs%3A%25:p%40s%2Fs%3A%25@db,db2/?a=b'],
    ['redis://:${vault:kv#p}@${HOST}', 'redis://:p%40s%2Fs%3A%25@db'],
    ['mongodb://${HOST}:${vault:kv#p}@${vault:kv#p}/', 'mongodb://db:p%40s%2Fs%3A%25@p@s/s:%/'],
    ['${vault:kv#p}', 'p@s/s:%'],
    ['s3://${vault:kv#p}/a@b', 's3://p@s/s:%/a@b'],
    ['https://host/${vault:kv#p}@x', 'https://host/p@s/s:%@x'],
    ['reader:${vault:kv#p}@db', 'reader:p@s/s:%@db'],
  ])('in the user or password of a URL an answer is percent-encoded: %s', (text, expected) => {
    expect(interpolate(text, { HOST: 'db' }, [vault('p@s/s:%')]).text).toBe(expected);
  });
});

describe('masking', () => {
  test('leaves a text alone that has such characters, or escapes of them', () => {
    for (const yaml of ['{ a: ${A}, b: \ue041 }', '{ a: "${A}", b: "\\ue041" }', '{ a: "${A}", b: "\\U0000E041" }']) {
      const { text, unmask } = maskReferences(yaml);
      expect([text, unmask('\ue041')]).toEqual([yaml, '\ue041']);
    }
  });

  test('keeps every position and comes back whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('${A}', '${B:-x, y}', '{', '}', '$', '\n', ': ', '"', 'a', '\uE041')),
        (parts) => {
          const yaml = parts.join('');
          const masked = maskReferences(yaml);
          expect(masked.text).toHaveLength(yaml.length);
          expect(masked.unmask(masked.text)).toBe(yaml);
        },
      ),
    );
  });
});
