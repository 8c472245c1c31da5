import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { keysOf, pattern } from './storage-contract-tools.ts';

/** What `get` promises. */
export function readContract(storage: () => Storage): void {
  it('reads back the whole object, and any range of it', async () => {
    const body = pattern(5000);
    const { etag, size } = await storage().put('data/a', body);
    expect(size).toBe(5000);
    expect(await storage().get('data/a')).toEqual({ body, etag });
    for (const [start, end] of [
      [0, 1],
      [0, 5000],
      [1234, 2345],
      [4999, 5000],
    ] as const) {
      const part = await storage().get('data/a', { start, end });
      expect(part?.body.equals(body.subarray(start, end))).toBe(true);
      expect(part?.etag).toBe(etag);
    }
  });

  it('reads a range of no bytes', async () => {
    await storage().put('a', Buffer.from('abc'));
    expect((await storage().get('a', { start: 3, end: 3 }))?.body.length).toBe(0);
    expect(await storage().get('b', { start: 0, end: 0 })).toBeUndefined();
  });

  it('refuses a range beyond the end', async () => {
    await storage().put('a', Buffer.from('abc'));
    for (const range of [
      { start: 2, end: 4 },
      { start: 3, end: 4 },
      { start: 7, end: 9 },
      { start: 7, end: 7 },
    ]) {
      await expect(storage().get('a', range)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    }
    for (const range of [
      { start: -1, end: 2 },
      { start: 2, end: 1 },
      { start: 0.5, end: 2 },
    ]) {
      await expect(storage().get('a', range)).rejects.toMatchObject({ code: 'INTERNAL' });
    }
  });

  it('knows no object where none was written', async () => {
    await storage().put('a/b', Buffer.from('x'));
    expect(await storage().get('b')).toBeUndefined();
    expect(await storage().get('a')).toBeUndefined();
    expect(await storage().get('a/b/c')).toBeUndefined();
    expect(await storage().get('none/at/all', { start: 0, end: 1 })).toBeUndefined();
  });

  it('keeps an empty object', async () => {
    await storage().put('empty', Buffer.alloc(0));
    await storage().put('empty-stream', Readable.from([]));
    expect((await storage().get('empty'))?.body.length).toBe(0);
    expect((await storage().get('empty-stream'))?.body.length).toBe(0);
    expect(await keysOf(storage())).toEqual(['empty', 'empty-stream']);
  });
}

/** What `download` promises. */
export function downloadContract(storage: () => Storage): void {
  describe('a download', () => downloads(storage));
}

function downloads(storage: () => Storage): void {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mongolake-download-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('downloads into a file, replacing it', async () => {
    const body = pattern(3_000_000);
    const path = join(folder, 'file');
    await writeFile(path, pattern(4_000_000));
    await storage().put('a', body);
    expect(await storage().download('a', path)).toEqual({ size: body.length, crc32: checksumOf(body) });
    expect((await readFile(path)).equals(body)).toBe(true);
    await storage().put('a', Buffer.alloc(0));
    expect(await storage().download('a', path)).toEqual({ size: 0, crc32: '00000000' });
    expect((await readFile(path)).length).toBe(0);
  });

  it('says which object is missing, and makes no file for it', async () => {
    const failure = storage().download('not/there', join(folder, 'file'));
    await expect(failure).rejects.toMatchObject({
      code: 'OBJECT_MISSING',
      message: expect.stringContaining('not/there'),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('tells a scratch file that can not be written from a failing store', async () => {
    await storage().put('a', pattern(1_000_000));
    const failure = storage().download('a', join(folder, 'no', 'such', 'folder'));
    await expect(failure).rejects.toMatchObject({ code: 'SCRATCH' });
  });

  it('does not start where it is aborted already', async () => {
    await storage().put('a', pattern(10));
    const reason = new Error('stopped by the test');
    const failure = storage().download('a', join(folder, 'file'), AbortSignal.abort(reason));
    await expect(failure).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });
}
