import { describe, expect, test } from 'vitest';
import { redacting } from '../../../src/app/redacting.ts';
import { jobErrorOf } from '../../../src/shared/adapters/queue-failure.ts';
import { asMongolakeError, MongolakeError } from '../../../src/shared/domain/errors.ts';
import { hiding, keepSecrets, redact, redactedError } from '../../../src/shared/domain/redact.ts';
import type { LogFields, Logger } from '../../../src/shared/ports/logger.ts';

const CANARY = 'canary "4730"/ü%';
const FORMS = [CANARY, encodeURIComponent(CANARY), JSON.stringify(CANARY).slice(1, -1)];
keepSecrets([CANARY, 'k7', '']);

describe('a secret that is known', () => {
  test.each(FORMS)('is taken out as %s', (form) => {
    expect(redact(`before ${form}after`)).toBe('before ***after');
  });

  test('of a few characters only where it is a word: its gaps would spell it', () => {
    expect(redact('k7 of k7s')).toBe('*** of k7s');
  });

  test('the longer one goes first where one is part of another', () => {
    expect(hiding(['abcd', 'abcdef'])('abcdef abcd')).toBe('*** ***');
  });

  test('is in no error of ours, whoever made it: message, hint, job data', () => {
    const error = new MongolakeError('JOB_FAILED', `said ${CANARY}`, { hint: `unset ${FORMS[1]}` });
    const wrapped = asMongolakeError(new Error(`said ${CANARY}`));
    expect([error.message, error.hint, wrapped.message]).toEqual(['said ***', 'unset ***', 'said ***']);
    expect(JSON.stringify(jobErrorOf(new Error(`said ${CANARY}`)))).not.toContain('canary');
  });

  test('is in no copy of an error, nor in what caused it', () => {
    const copy = redactedError(new Error(CANARY, { cause: Object.assign(new Error(CANARY), { args: [CANARY] }) }));
    const cause = copy.cause as Error;
    expect([copy.message, cause.message]).toEqual(['***', '***']);
    expect(`${copy.stack}${cause.stack}${JSON.stringify(cause)}`).not.toContain('canary');
  });

  test('is in no line of a log, nor in its fields', () => {
    const lines: unknown[] = [];
    const line = (message: string, fields?: LogFields) => lines.push([message, fields]);
    const sink: Logger = {
      ...{ debug: line, info: line, warn: line, error: line },
      child: (own) => ({ ...sink, info: (message, fields) => line(message, { ...own, ...fields }) }),
    };
    const logger = redacting(sink);
    logger.error(`failed: ${CANARY}`, { error: CANARY, files: 3 });
    logger.child({ table: CANARY }).info('done', { uri: 'redis://:other-secret@queue' });
    expect(lines).toEqual([
      ['failed: ***', { error: '***', files: 3 }],
      ['done', { table: '***', uri: 'redis://***@queue' }],
    ]);
  });
});

test('a URL loses user and password, known or not; the words of our hints stay', () => {
  expect(redact('at mongodb://a:b@c@h:1/d and https://h/p@q')).toBe('at mongodb://***@h:1/d and https://h/p@q');
  expect(redact('Write rediss://user:password@host:6379')).toBe('Write rediss://user:password@host:6379');
});
