// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolate, maskReferences } from '../../../src/shared/config/interpolate.ts';

const env = { HOST: 'db', EMPTY: '', TRICKY: '${HOST} $${HOST}' };

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
    const vault = { scheme: 'vault', resolve: (name: string) => (name === 'kv/mongo#uri' ? 'mongodb://' : undefined) };
    expect(interpolate('${vault:kv/mongo#uri}', env, [vault]).text).toBe('mongodb://');
    expect(interpolate('${vault:kv/none}', env, [vault]).unset).toEqual(['${vault:kv/none}']);
    expect(interpolate('${vault:kv/mongo#uri}', env).problems).toEqual(['nothing answers vault: references']);
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
