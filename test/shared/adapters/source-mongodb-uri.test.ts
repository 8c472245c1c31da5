import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { optionOf, redactor } from '../../../src/shared/adapters/mongodb-uri.ts';

describe('redaction', () => {
  test.each([
    [
      'user and password',
      'mongodb://reader:hunter2@host/db',
      'no reader:hunter2, no hunter2, no reader',
      '***, no ***, no ***',
    ],
    [
      'what is escaped, and what it stands for',
      'mongodb://r:p%40ss%2Fword@h',
      'p%40ss%2Fword and p@ss/word',
      '*** and ***',
    ],
    ['the whole URI', 'mongodb://reader:hunter2@host/db', 'cannot parse mongodb://reader:hunter2@host/db', 'parse ***'],
    ['an @ that was not escaped', 'mongodb://r:hun@ter2@h/db', 'in hun@ter2@h', 'in ***@h'],
    ['secret options', 'mongodb://h/?tlsCertificateKeyFilePassword=key%20pass', 'bad key pass', 'bad ***'],
    ['a session token', 'mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:tok%2Fen', 'tok/en', '***'],
    ['a user alone', 'mongodb://reader@host', 'no user reader, readers', 'no user ***, readers'],
    ['short ones only as words', 'mongodb://me:pw@host', 'me: pw, some pwned', '***: ***, some pwned'],
  ])('takes out %s', (_name, uri, text, expected) => {
    expect(redactor(uri)(text)).toContain(expected);
  });

  test('leaves a text alone that holds nothing of the URI', () => {
    const text = 'connect ECONNREFUSED 127.0.0.1:27017';
    expect(redactor('mongodb://127.0.0.1:27017/')(text)).toBe(text);
    expect(redactor('mongodb://reader:hunter2@127.0.0.1:27017/')(text)).toBe(text);
  });

  test('no password of four characters or more is left, whatever it is and wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 4, maxLength: 30, unit: 'grapheme' }),
        fc.string(),
        fc.string(),
        (password, before, after) => {
          // The marks that take its place can bring it about only where it is made of them.
          fc.pre(!/^\*+$/.test(password));
          const redact = redactor(`mongodb://u:${encodeURIComponent(password)}@host/db`);
          const clean = redact(`${before}${password}${after} ${encodeURIComponent(password)}`);
          expect(clean).not.toContain(password);
        },
      ),
    );
  });
});

test('options are found whatever their case, and unescaped', () => {
  expect(optionOf('mongodb://h/?ReadPreference=secondary', 'readPreference')).toBe('secondary');
  expect(optionOf('mongodb://h/?a=1&appName=my%20app', 'appName')).toBe('my app');
  expect(optionOf('mongodb://h/appName=1', 'appName')).toBeUndefined();
  expect(optionOf('mongodb://h/?a=1', 'appName')).toBeUndefined();
});
