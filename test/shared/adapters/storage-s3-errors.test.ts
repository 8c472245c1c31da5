import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Storage } from '../../../src/shared/ports/storage.ts';
import { failureOf, SECRET, s3Bench, TOKEN } from '../../contracts/storage-s3-bench.ts';
import { closedEndpoint, s3ErrorAnswer, xmlAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();

describe('a store that can not be reached', () => {
  const calls: [string, (target: Storage) => Promise<unknown>][] = [
    ['get', (target) => target.get('a')],
    ['get by download', (target) => target.download('a', join(tmpdir(), 'never-made'))],
    ['put', (target) => target.put('a', Buffer.from('x'))],
    ['put of many parts', (target) => target.put('a', Readable.from([Buffer.alloc(20_000_000)]))],
    ['conditional put', (target) => target.putIfAbsent('a', Buffer.from('w'), 'w')],
    ['conditional put', (target) => target.putIfMatch('a', Buffer.from('w'), '"1"', 'w')],
    ['list', async (target) => await firstOf(target)],
    ['delete', (target) => target.delete(['a'])],
    ['delete of many', (target) => target.delete(['a', 'b'])],
  ];

  it.each(calls)('refuses the connection: %s ends', async (operation, call) => {
    const target = bench.open({ endpoint: await closedEndpoint() });
    const error = await failureOf(call(target));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', exitCode: 75, hint: expect.any(String) });
    expect(error.message).toMatch(/^s3:\/\/lake\/table: .* failed: ECONNREFUSED/);
    expect(error.message).toContain(operation.split(' ')[0]);
    await target.close();
  });

  it.each(calls)('never answers: %s ends in bounded time', async (_operation, call) => {
    bench.fake.fault = () => 'hang';
    const before = performance.now();
    const error = await failureOf(call(bench.hasty));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', exitCode: 75 });
    // It takes some 0.5 s: three tries of 150 ms. With the default of 5,000 ms the like takes some 15 s.
    expect(performance.now() - before).toBeLessThan(5000);
  });

  it('keeps the line busy and never answers', async () => {
    bench.fake.fault = () => (response) => {
      const busy = setInterval(() => response.writeProcessing(), 20);
      response.on('close', () => clearInterval(busy));
    };
    expect((await failureOf(bench.hasty.get('a'))).code).toBe('STORE_UNREACHABLE');
  });

  it('keeps answering 5xx', async () => {
    bench.fake.fault = () => s3ErrorAnswer(503, 'SlowDown');
    expect((await failureOf(bench.storage.get('a'))).message).toContain('failed: SlowDown (HTTP 503)');
  });
});

describe('a store that refuses', () => {
  it.each([
    [403, 'AccessDenied', 's3:ListBucket'],
    [403, 'InvalidAccessKeyId', 'access key'],
    [403, 'SignatureDoesNotMatch', 'access key'],
    [404, 'NoSuchBucket', 'Create the bucket'],
    [301, 'PermanentRedirect', 'region'],
    [400, 'ExpiredToken', 'expired'],
    [400, 'AuthorizationHeaderMalformed', 'region'],
    [403, 'RequestTimeTooSkewed', 'NTP'],
  ])('%i %s', async (status, code, hint) => {
    bench.fake.fault = () => s3ErrorAnswer(status, code, `what was sent: ${SECRET} ${TOKEN}`);
    const failures = await Promise.all([
      failureOf(bench.storage.get('a')),
      failureOf(bench.storage.put('a', Buffer.from('x'))),
      failureOf(bench.storage.put('a', Readable.from([Buffer.alloc(20_000_000)]))),
      failureOf(bench.storage.putIfAbsent('a', Buffer.from('w'), 'w')),
      failureOf(bench.storage.putIfMatch('a', Buffer.from('w'), '"1"', 'w')),
      failureOf(firstOf(bench.storage)),
      failureOf(bench.storage.delete(['a', 'b'])),
    ]);
    for (const error of failures) {
      expect(error).toMatchObject({ code: 'STORE_REFUSED', exitCode: 77 });
      expect(error.message).toMatch(new RegExp(`^s3://lake/table: .* failed: ${code} \\(HTTP ${status}\\)`));
      expect(error.hint).toContain(hint);
      // Also not in what a logger finds when it looks at the causes.
      expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/SECRET-KEY|SESSION-TOKEN/);
    }
  });

  it('is not S3 at all, which is not the same as an object that is not there', async () => {
    bench.fake.fault = () => (response) => response.writeHead(404).end('<html>no such page</html>');
    const calls = [
      () => bench.storage.get('a'),
      () => bench.storage.putIfMatch('a', Buffer.from('w'), '"1"', 'w'),
      () => bench.storage.delete(['a']),
    ];
    for (const call of calls) {
      expect(await failureOf(call())).toMatchObject({
        code: 'STORE_REFUSED',
        hint: expect.stringContaining('endpoint'),
      });
    }
  });

  it('without saying more than 403', async () => {
    bench.fake.objects.set('table/a', Buffer.from('abc'));
    bench.fake.fault = () => (response) => response.writeHead(403).end();
    expect(await failureOf(bench.storage.get('a', { start: 1, end: 1 }))).toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('does not speak TLS where it should', async () => {
    const target = bench.open({ endpoint: bench.fake.endpoint.replace('http:', 'https:'), maxAttempts: 1 });
    const error = await failureOf(target.get('a'));
    expect(error).toMatchObject({ code: 'STORE_REFUSED', hint: expect.stringContaining('http/https') });
    await target.close();
  });

  it('some keys of a batch, in an answer that looks like a success', async () => {
    bench.fake.fault = () =>
      xmlAnswer(
        200,
        `<DeleteResult><Error><Key>table/b</Key><Code>AccessDenied</Code><Message>no</Message></Error>
         <Error><Key>table/c</Key><Code>NoSuchKey</Code></Error></DeleteResult>`,
      );
    const error = await failureOf(bench.storage.delete(['a', 'b', 'c']));
    expect(error).toMatchObject({ code: 'STORE_REFUSED' });
    expect(error.message).toContain('delete of "table/b" and 0 more failed: AccessDenied');
  });
});

async function firstOf(storage: Storage): Promise<unknown> {
  return await storage.list('')[Symbol.asyncIterator]().next();
}
