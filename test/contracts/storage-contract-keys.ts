import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { compareKeys } from '../../src/shared/adapters/storage-keys.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { inParallel, keysOf } from './storage-contract-tools.ts';

/** What `list` promises. */
export function listContract(storage: () => Storage): void {
  it('lists nothing under a root or prefix where nothing is', async () => {
    expect(await keysOf(storage())).toEqual([]);
    await storage().put('a/b', Buffer.from('x'));
    expect(await keysOf(storage(), 'b')).toEqual([]);
    expect(await keysOf(storage(), 'a/c/')).toEqual([]);
    expect(await keysOf(storage(), 'a/b/')).toEqual([]);
  });

  it('lists keys in the order of their UTF-8 bytes, by any prefix', async () => {
    // '-' is before '/'; U+1F600 is after U+FFFD in UTF-8 and before it in UTF-16.
    const keys = ['a', 'a-b/c', 'b-b', 'b/a/x', 'b/b', 'b0', 'bü/x', 'c\ufffd', 'c\u{1f600}', 'c\u{1f600}d/e'];
    await Promise.all([...keys].reverse().map((key) => storage().put(key, Buffer.from(key))));
    expect(await keysOf(storage())).toEqual(keys);
    expect(await keysOf(storage(), 'b')).toEqual(['b-b', 'b/a/x', 'b/b', 'b0', 'bü/x']);
    expect(await keysOf(storage(), 'b/')).toEqual(['b/a/x', 'b/b']);
    expect(await keysOf(storage(), 'b/a')).toEqual(['b/a/x']);
    expect(await keysOf(storage(), 'b/a/x')).toEqual(['b/a/x']);
    expect(await keysOf(storage(), 'c\u{1f600}')).toEqual(['c\u{1f600}', 'c\u{1f600}d/e']);
  });

  it('starts after the key that it is given, there or not', async () => {
    const keys = ['a', 'b-b', 'b/a/x', 'b/b', 'b0', 'c'];
    await Promise.all(keys.map((key) => storage().put(key, Buffer.from(key))));
    const probes = [...keys, '', 'A', 'b', 'b/', 'b/a', 'b/a/a', 'b/a/y', 'b/aa', 'zz'].filter((key) => key !== '');
    for (const startAfter of probes) {
      const expected = keys.filter((key) => compareKeys(key, startAfter) > 0);
      expect(await keysOf(storage(), '', startAfter), startAfter).toEqual(expected);
    }
    expect(await keysOf(storage(), 'b/', 'b/a/x')).toEqual(['b/b']);
    expect(await keysOf(storage(), 'b/', 'a')).toEqual(['b/a/x', 'b/b']);
    expect(await keysOf(storage(), 'b/', 'c')).toEqual([]);
  });

  it('tells size and time', async () => {
    await storage().put('a', Buffer.from('12345'));
    const { etag } = await storage().put('b', Buffer.from(''));
    await storage().putIfMatch('b', Buffer.from('w'), etag, 'w');
    const infos = [];
    for await (const info of storage().list('')) infos.push(info);
    expect(infos.map(({ key, size }) => [key, size])).toEqual([
      ['a', 5],
      ['b', 1],
    ]);
    for (const info of infos) expect(Number.isSafeInteger(info.modifiedAt) && info.modifiedAt > 0).toBe(true);
  });

  it('lists and deletes more than a thousand', async () => {
    const keys = Array.from({ length: 1203 }, (_, index) => `log/${String(index).padStart(20, '0')}.json`);
    await inParallel(32, keys, async (key) => {
      await storage().put(key, Buffer.from(key));
    });
    expect(await keysOf(storage(), 'log/')).toEqual(keys);
    expect(await keysOf(storage(), 'log/', keys[1100])).toEqual(keys.slice(1101));
    expect(await keysOf(storage(), 'log/', keys[50])).toEqual(keys.slice(51));
    await storage().delete(keys.slice(1));
    expect(await keysOf(storage())).toEqual(keys.slice(0, 1));
  });
}

/** What `delete` promises. */
export function deleteContract(storage: () => Storage): void {
  it('deletes what is there, and does not mind what is not', async () => {
    await Promise.all(['a', 'b', 'c/d'].map((key) => storage().put(key, Buffer.from('x'))));
    await storage().delete([]);
    await storage().delete(['b']);
    await storage().delete(['b']);
    await storage().delete(['never/there']);
    await storage().delete(['a', 'never', 'c/d/e']);
    expect(await keysOf(storage())).toEqual(['c/d']);
    expect(await storage().get('a')).toBeUndefined();
    await storage().delete(['c/d', 'c/d']);
    expect(await keysOf(storage())).toEqual([]);
  });
}

/** Which keys there are. */
export function keyContract(storage: () => Storage): void {
  it('takes any character that XML can show', async () => {
    const keys = [
      ' lead and trail ',
      '%2F%20%25',
      '+a+b',
      'a&b<c>"d\'e',
      'a*b?c#d:e;f=g@h,i',
      'x/ y /z',
      'x/&amp;&#x41;',
      '{[(~!$^`|)]}',
      'ümlaut/日本語',
      'u\u0308mlaut',
      '\u{1f600}\u00a0\u2028',
      '..a/...',
      '00012',
      'true',
    ];
    for (const key of keys) {
      await storage().put(key, Buffer.from(key));
      expect((await storage().get(key))?.body.toString(), key).toBe(key);
    }
    const expected = [...keys].sort(compareKeys);
    expect(await keysOf(storage())).toEqual(expected);
    for (const key of expected) {
      expect(await keysOf(storage(), key), key).toEqual([key]);
      expect(await keysOf(storage(), '', key), key).toEqual(expected.filter((other) => compareKeys(other, key) > 0));
    }
    for (const key of keys.slice(0, 3))
      expect((await storage().putIfAbsent(key, Buffer.from('w'), 'w')).written).toBe(false);
    await storage().delete(keys.slice(0, 1));
    await storage().delete(keys);
    expect(await keysOf(storage())).toEqual([]);
  });

  refusedKeyContract(storage);
}

function refusedKeyContract(storage: () => Storage): void {
  it('refuses keys that leave the root or that not every adapter can hold', async () => {
    const bad = [
      '',
      '/a',
      'a/',
      'a//b',
      '..',
      '../a',
      'a/../b',
      'a/..',
      '.',
      './a',
      'a\\b',
      'a\0',
      'a\nb',
      'a\ud800',
      'a\uffff',
    ];
    for (const key of [...bad, '.mongolake-tmp-1', 'a/.mongolake-lock-1/b']) {
      const refused = { code: 'INTERNAL', message: expect.stringContaining('is not an object key') };
      await expect(storage().get(key), key).rejects.toMatchObject(refused);
      await expect(storage().download(key, join(tmpdir(), 'never')), key).rejects.toMatchObject(refused);
      await expect(storage().put(key, Buffer.from('w')), key).rejects.toMatchObject(refused);
      const stream = Readable.from(['w']);
      await expect(storage().put(key, stream), key).rejects.toMatchObject(refused);
      expect(stream.destroyed).toBe(true);
      await expect(storage().putIfAbsent(key, Buffer.from('w'), 'w'), key).rejects.toMatchObject(refused);
      await expect(storage().putIfMatch(key, Buffer.from('w'), '"1"', 'w'), key).rejects.toMatchObject(refused);
      await expect(storage().delete(['a', key]), key).rejects.toMatchObject(refused);
    }
    for (const prefix of ['/', '../', '../a', 'a/../', 'a//b', 'a\\', 'a\0']) {
      await expect(keysOf(storage(), prefix), prefix).rejects.toMatchObject({ code: 'INTERNAL' });
    }
    expect(await keysOf(storage())).toEqual([]);
  });
}
