import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { keysOf, pattern, pieces, sha256, stalling } from './storage-contract-tools.ts';

const LARGE_BYTES = 20 * 2 ** 20 + 7;

/** What `put` promises. */
export function putContract(storage: () => Storage): void {
  it('streams an object of 20 MB, whatever the size of its chunks', async () => {
    const body = pattern(LARGE_BYTES);
    const { etag, size } = await storage().put('large', Readable.from(pieces(body, 64_000)));
    expect(size).toBe(LARGE_BYTES);
    const found = await storage().get('large');
    expect(found?.etag).toBe(etag);
    expect(sha256(found?.body)).toBe(sha256(body));
    const range = { start: 8_000_000, end: 17_000_001 };
    const part = await storage().get('large', range);
    expect(part?.etag).toBe(etag);
    expect(sha256(part?.body)).toBe(sha256(body.subarray(range.start, range.end)));
    await storage().put('large', Readable.from(pieces(body, 9_000_000)));
    expect(sha256((await storage().get('large'))?.body)).toBe(sha256(body));
  });

  it('stores a large buffer', async () => {
    const body = pattern(LARGE_BYTES);
    expect((await storage().put('large', body)).size).toBe(LARGE_BYTES);
    expect(sha256((await storage().get('large'))?.body)).toBe(sha256(body));
  });

  it('overwrites, and gives other content another version', async () => {
    const first = await storage().put('a', Buffer.from('first'));
    const second = await storage().put('a', Buffer.from('second'));
    expect(second.etag).not.toBe(first.etag);
    expect(await storage().get('a')).toEqual({ body: Buffer.from('second'), etag: second.etag });
  });

  it('takes strings from a stream as UTF-8', async () => {
    await storage().put('a', Readable.from(['zwölf ', 'Öfen']));
    expect((await storage().get('a'))?.body.toString()).toBe('zwölf Öfen');
  });
}

/** What `put` promises where its stream fails or it is aborted. */
export function brokenPutContract(storage: () => Storage): void {
  for (const sent of [1000, 12 * 2 ** 20]) {
    it(`leaves nothing of a put that is aborted after ${sent} bytes`, async () => {
      const controller = new AbortController();
      const reason = new Error('stopped by the test');
      const body = stalling(pattern(sent), () => controller.abort(reason));
      await expect(storage().put('dir/a', body, controller.signal)).rejects.toBe(reason);
      expect(body.destroyed).toBe(true);
      expect(await storage().get('dir/a')).toBeUndefined();
      expect(await keysOf(storage())).toEqual([]);
    });

    it(`leaves nothing of a put whose stream fails after ${sent} bytes, and throws the stream's own error`, async () => {
      const reason = Object.assign(new Error('the source broke'), { code: 'ENOSPC' });
      const body = stalling(pattern(sent), (stream) => stream.destroy(reason));
      await expect(storage().put('dir/a', body)).rejects.toBe(reason);
      expect(await keysOf(storage())).toEqual([]);
    });
  }

  it('never makes an object of half a stream', async () => {
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    // Aborted by the very read that gives the last bytes before the stream's end.
    const body = new Readable({
      read() {
        this.push(Buffer.from('half'));
        controller.abort(reason);
        this.push(null);
      },
    });
    await expect(storage().put('a', body, controller.signal)).rejects.toBe(reason);
    expect(await keysOf(storage())).toEqual([]);
  });

  it('keeps the former object where a put fails', async () => {
    await storage().put('a', Buffer.from('former'));
    const reason = new Error('the source broke');
    await expect(
      storage().put(
        'a',
        stalling(pattern(10), (stream) => stream.destroy(reason)),
      ),
    ).rejects.toBe(reason);
    expect((await storage().get('a'))?.body.toString()).toBe('former');
  });

  it('does not start where it is aborted already, and closes the stream', async () => {
    const reason = new Error('stopped by the test');
    const body = Readable.from([Buffer.from('x')]);
    await expect(storage().put('a', body, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(storage().put('a', Buffer.from('x'), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(body.destroyed).toBe(true);
    expect(await keysOf(storage())).toEqual([]);
  });

  it('survives a stream that broke before it was given', async () => {
    const reason = new Error('broken before');
    const body = new Readable({ read: () => undefined });
    body.destroy(reason);
    await expect(storage().put('a', body)).rejects.toBe(reason);
    expect(await keysOf(storage())).toEqual([]);
  });
}
