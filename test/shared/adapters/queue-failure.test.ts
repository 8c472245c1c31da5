import { UnrecoverableError } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { bullFailure, decodeFailure } from '../../../src/shared/adapters/queue-bullmq-failure.ts';
import { jobErrorOf } from '../../../src/shared/adapters/queue-failure.ts';
import { backoffDelayMs } from '../../../src/shared/adapters/queue-job.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';

describe('what the queue keeps of a failure', () => {
  it('comes back as it was', () => {
    const error = new MongolakeError('STORE_REFUSED', 'bucket "lake": AccessDenied', { hint: 'Allow s3:PutObject.' });
    expect(decodeFailure(bullFailure(error).message)).toEqual(jobErrorOf(error));
  });

  it('tells BullMQ to try again only where that can help', () => {
    expect(bullFailure(new MongolakeError('STORE_REFUSED', 'no'))).toBeInstanceOf(UnrecoverableError);
    expect(bullFailure(new MongolakeError('STORE_UNREACHABLE', 'away'))).not.toBeInstanceOf(UnrecoverableError);
    expect(bullFailure('not even an Error')).not.toBeInstanceOf(UnrecoverableError);
  });

  it('has no credentials, and is bounded', () => {
    const { message } = jobErrorOf(
      new Error(`at rediss://u:p:q@r@cache:6380/0 and https://x@y ${'long '.repeat(1_000)}`),
    );
    expect(message).toMatch(/^at rediss:\/\/\*\*\*@cache:6380\/0 and https:\/\/\*\*\*@y long/);
    expect(message.length).toBeLessThan(1_100);
    const shown = bullFailure(new Error('mongodb://reader:s3cret@db/guest')).stack;
    expect(shown).toMatch(/^INTERNAL: mongodb:\/\/\*\*\*@db\/guest\n\s+at /);
  });

  it('makes something of a reason that it did not write', () => {
    expect(decodeFailure('{"code":7}')).toEqual({ code: 'JOB_FAILED', message: '{"code":7}', retryable: false });
    expect(decodeFailure('{broken')).toEqual({ code: 'JOB_FAILED', message: '{broken', retryable: false });
    expect(decodeFailure(null).code).toBe('JOB_FAILED');
    expect(decodeFailure('job stalled more than allowable limit').message).toContain('died');
  });
});

describe('the rest between tries', () => {
  it('doubles, and half of it is random', () => {
    const policy = { attempts: 5, backoffMs: 2_000 };
    expect([1, 2, 3, 4].map((failures) => backoffDelayMs(policy, failures, 0))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect([1, 2, 3, 4].map((failures) => backoffDelayMs(policy, failures, 0.9999))).toEqual([
      1_999, 3_999, 7_999, 15_999,
    ]);
  });
});
