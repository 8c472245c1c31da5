import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../../src/shared/adapters/storage-file.ts';
import { fileFailure } from '../../../src/shared/adapters/storage-file-errors.ts';
import { withFileLock } from '../../../src/shared/adapters/storage-file-lock.ts';
import type { Clock } from '../../../src/shared/ports/clock.ts';
import { storageContract } from '../../contracts/storage-contract.ts';

let parent: string;
let made = 0;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mongolake-file-'));
});
afterAll(async () => {
  await rm(parent, { recursive: true, force: true });
});

function newRoot(): string {
  made += 1;
  return join(parent, `root-${made}`, 'table');
}

storageContract('file', () => fileStorage(newRoot(), systemClock()));

describe('a folder as storage', () => {
  it('names its absolute path', () => {
    expect(fileStorage('/lake/x/../table', systemClock()).uri).toBe('file:/lake/table');
  });

  it('leaves no temporary file or lock behind, and reads make no folder', async () => {
    const root = newRoot();
    const storage = fileStorage(root, systemClock());
    expect(await storage.get('a')).toBeUndefined();
    await expect(stat(root)).rejects.toMatchObject({ code: 'ENOENT' });
    const { etag } = await storage.put('dir/a', Buffer.from('1'));
    await storage.putIfAbsent('dir/a', Buffer.from('w'), 'w');
    await storage.putIfAbsent('dir/b', Buffer.from('w'), 'w');
    await storage.putIfMatch('dir/a', Buffer.from('w'), etag, 'w');
    await storage.putIfMatch('dir/a', Buffer.from('v'), etag, 'v');
    expect(await readdir(join(root, 'dir'))).toEqual(['a', 'b']);
  });

  it('shows neither temporary files nor locks of others, nor links', async () => {
    const root = newRoot();
    const storage = fileStorage(root, systemClock());
    await storage.put('dir/a', Buffer.from('1'));
    await writeFile(join(root, 'dir', '.mongolake-tmp-0'), 'half');
    await mkdir(join(root, 'dir', '.mongolake-lock-0'));
    await symlink(join(root, 'dir', 'a'), join(root, 'dir', 'link'));
    await symlink(join(root, 'dir'), join(root, 'round'));
    const keys = [];
    for await (const { key } of storage.list('')) keys.push(key);
    expect(keys).toEqual(['dir/a']);
  });

  it('sweeps what a writer that died a day ago left, and nothing younger', async () => {
    const root = newRoot();
    await mkdir(root, { recursive: true });
    for (const name of ['.mongolake-tmp-old', '.mongolake-tmp-new', 'old']) await writeFile(join(root, name), 'half');
    const old = new Date(Date.now() - 25 * 3_600_000);
    for (const name of ['.mongolake-tmp-old', 'old']) await utimes(join(root, name), old, old);
    await fileStorage(root, systemClock()).put('a', Buffer.from('1'));
    expect((await readdir(root)).sort()).toEqual(['.mongolake-tmp-new', 'a', 'old']);
  });

  it('races two storages on one folder', async () => {
    const root = newRoot();
    const storages = [fileStorage(root, systemClock()), fileStorage(root, systemClock())];
    const { etag } = (await storages[0]?.put('lease', Buffer.from('first'))) ?? { etag: '' };
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        storages[index % 2]?.putIfMatch('lease', Buffer.from(`writer ${index}.`), etag, `writer ${index}.`),
      ),
    );
    expect(results.filter((result) => result?.written)).toHaveLength(1);
  });
});

describe('a folder that fails', () => {
  it('refuses where a folder and an object have one name', async () => {
    const root = newRoot();
    const storage = fileStorage(root, systemClock());
    await storage.put('a/b', Buffer.from('1'));
    const refused = { code: 'STORE_REFUSED', message: expect.stringContaining(storage.uri), hint: expect.any(String) };
    await expect(storage.put('a', Buffer.from('1'))).rejects.toMatchObject(refused);
    await expect(storage.putIfAbsent('a', Buffer.from('w'), 'w')).rejects.toMatchObject(refused);
    await expect(storage.put('a/b/c', Buffer.from('1'))).rejects.toMatchObject(refused);
    await expect(storage.put('n'.repeat(300), Buffer.from('1'))).rejects.toMatchObject(refused);
    expect(await storage.putIfMatch('a', Buffer.from('w'), '"1"', 'w')).toEqual({ written: false });
    expect((await readdir(root)).sort()).toEqual(['a']);
  });

  it.each([
    ['put', 'EACCES', 'STORE_REFUSED', false],
    ['put', 'EPERM', 'STORE_REFUSED', false],
    ['put', 'EROFS', 'STORE_REFUSED', false],
    ['put', 'ENOSPC', 'STORE_UNREACHABLE', true],
    ['put', 'EDQUOT', 'STORE_UNREACHABLE', true],
    ['get', 'EIO', 'STORE_UNREACHABLE', true],
    ['get', 'ESTALE', 'STORE_UNREACHABLE', true],
    ['link', 'EPERM', 'STORE_UNCONDITIONAL', false],
    ['link', 'ENOTSUP', 'STORE_UNCONDITIONAL', false],
    ['link', 'EACCES', 'STORE_REFUSED', false],
  ])('%s: %s is %s', (operation, system, code, retryable) => {
    const error = fileFailure(
      'file:/lake',
      operation,
      'a/b',
      Object.assign(new Error(`${system}: x`), { code: system }),
    );
    expect(error).toMatchObject({ code, retryable, hint: expect.any(String) });
    expect(error.message).toBe(`file:/lake: ${operation} "a/b" failed: ${system}: x`);
  });
});

describe('the lock of a file', () => {
  it('is not waited for for ever', async () => {
    const path = join(parent, 'held');
    // Each sleep takes a second of this clock and none of ours.
    let time = 0;
    const clock: Clock = {
      ...systemClock(),
      monotonic: () => time,
      sleep: async () => {
        time += 1000;
      },
    };
    await withFileLock(path, systemClock(), async () => {
      const waiting = withFileLock(path, clock, async () => 'entered');
      await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    });
    expect(await withFileLock(path, clock, async () => 'entered')).toBe('entered');
  });

  it('stops a holder that stood still for so long that another may hold it', async () => {
    const path = join(parent, 'paused');
    let time = 0;
    const clock: Clock = { ...systemClock(), monotonic: () => time };
    const paused = withFileLock(path, clock, async (stillHeld) => {
      stillHeld();
      time += 60_000;
      stillHeld();
      await writeFile(path, 'too late');
    });
    await expect(paused).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
