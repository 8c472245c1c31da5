import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksumOf } from '../../../src/shared/domain/checksum.ts';
import { failureOf, isGet, isPart, s3Bench } from '../../contracts/storage-s3-bench.ts';
import { s3ErrorAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();

const small = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) >> 8));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mongolake-s3-'));
  bench.fake.objects.set('table/a', small);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The answer to a GET of `[from, to)` that stops after `sent` bytes: the connection breaks, or nothing comes any more. */
function cut(from: number, to: number, sent: number, how: 'break' | 'stall'): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, {
      etag: `"${createHash('md5').update(small).digest('hex')}"`,
      'content-length': to - from,
      'content-range': `bytes ${from}-${to - 1}/${small.length}`,
    });
    response.write(small.subarray(from, from + sent), () => {
      if (how === 'break') response.destroy();
    });
  };
}

describe('a body that breaks off', () => {
  it.each(['break', 'stall'] as const)('is gone on with from there (%s)', async (how) => {
    bench.failFirst(isGet, cut(0, small.length, 30_000, how), cut(30_000, small.length, 20_000, how));
    const found = await bench.hasty.get('a');
    expect(found?.body.equals(small)).toBe(true);
    expect(bench.fake.requests.map(({ headers }) => [headers.range, headers['if-match']])).toEqual([
      [undefined, undefined],
      ['bytes=30000-99999', found?.etag],
      ['bytes=50000-99999', found?.etag],
    ]);
  });

  it('is gone on with inside a range and in a download', async () => {
    bench.failFirst(isGet, cut(1000, 2000, 10, 'break'));
    const part = await bench.storage.get('a', { start: 1000, end: 2000 });
    expect(part?.body.equals(small.subarray(1000, 2000))).toBe(true);
    bench.failFirst(isGet, cut(0, small.length, 30_000, 'break'));
    expect(await bench.storage.download('a', join(folder, 'a'))).toEqual({
      size: small.length,
      crc32: checksumOf(small),
    });
    expect((await readFile(join(folder, 'a'))).equals(small)).toBe(true);
  });

  it('fails in the end, and leaves no file', async () => {
    bench.fake.fault = () => cut(0, small.length, 0, 'break');
    expect((await failureOf(bench.storage.get('a'))).code).toBe('STORE_UNREACHABLE');
    const error = await failureOf(bench.storage.download('a', join(folder, 'a')));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(error.message).toContain('after 0 of 100000 bytes');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not gone on with in another version', async () => {
    bench.failFirst(isGet, (response) => {
      cut(0, small.length, 30_000, 'break')(response);
      bench.fake.objects.set('table/a', Buffer.from('another'));
    });
    expect((await failureOf(bench.storage.get('a'))).code).toBe('OBJECT_CORRUPT');
  });

  it('ends when it is aborted, also while nothing comes', async () => {
    const patient = bench.open({ requestTimeoutMs: 60_000 });
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    bench.failFirst(isGet, cut(0, small.length, 30_000, 'stall'));
    const path = join(folder, 'a');
    const download = patient.download('a', path, controller.signal);
    const settled = Promise.allSettled([download]);
    while ((await stat(path).catch(() => undefined))?.size !== 30_000) await setImmediate();
    controller.abort(reason);
    expect(await settled).toEqual([{ status: 'rejected', reason }]);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a range', () => {
  it('is not asked for again where the object is shorter than the range', async () => {
    await expect(bench.storage.get('a', { start: 99_999, end: 100_001 })).rejects.toMatchObject({
      code: 'OBJECT_CORRUPT',
      message: expect.stringContaining('of 100000 bytes is shorter'),
    });
    expect(bench.fake.requests).toHaveLength(1);
  });

  it('is not taken where the store ignores the range', async () => {
    bench.fake.fault = () => (response) => response.writeHead(200, { 'content-length': small.length }).end(small);
    const error = await failureOf(bench.storage.get('a', { start: 5, end: 10 }));
    expect(error).toMatchObject({ code: 'OBJECT_CORRUPT' });
    expect(error.message).toContain('ignored the range');
  });
});

describe('an upload in parts', () => {
  const body = Buffer.alloc(30 * 2 ** 20, 'mongolake');

  it('throws its parts away after a failure, once none is in flight, and reads no further', async () => {
    let read = 0;
    const stream = new Readable({
      read() {
        read += 1;
        this.push(Buffer.alloc(2 ** 20));
      },
    });
    bench.fake.fault = (request) => (isPart(request) ? s3ErrorAnswer(403, 'AccessDenied') : 'pass');
    const error = await failureOf(bench.storage.put('a', stream));
    expect(error.code).toBe('STORE_REFUSED');
    expect(stream.destroyed).toBe(true);
    // Four parts of 8 MiB may be in flight and one in the making; the stream itself has no end.
    expect(read).toBeLessThan(60);
    expect(bench.fake.requests.at(-1)).toMatchObject({ method: 'DELETE' });
    expect(bench.fake.requests.at(-1)?.query.has('uploadId')).toBe(true);
    expect(bench.fake.requests.some(({ method, query }) => method === 'POST' && query.has('uploadId'))).toBe(false);
  });

  it('cuts parts in flight short when it is aborted', async () => {
    const patient = bench.open({ requestTimeoutMs: 60_000 });
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    bench.fake.fault = (request) => {
      if (!isPart(request)) return 'pass';
      controller.abort(reason);
      return 'hang';
    };
    await expect(patient.put('b', body, controller.signal)).rejects.toBe(reason);
    expect(bench.fake.requests.at(-1)?.method).toBe('DELETE');
    expect(bench.fake.objects.has('table/b')).toBe(false);
  });

  it('tries a part again', async () => {
    bench.failFirst(isPart, s3ErrorAnswer(500, 'InternalError'), (response) => response.destroy());
    expect((await bench.storage.put('a', body)).size).toBe(body.length);
    expect(bench.fake.objects.get('table/a')?.equals(body)).toBe(true);
  });

  it('is found out where the store lost a part', async () => {
    bench.failFirst(
      (request) => request.method === 'HEAD',
      (response) => response.writeHead(200, { etag: '"x"', 'content-length': 17 }).end(),
    );
    const error = await failureOf(bench.storage.put('a', body));
    expect(error).toMatchObject({ code: 'OBJECT_CORRUPT' });
    expect(error.message).toContain('17 bytes arrived');
  });
});
