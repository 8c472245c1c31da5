import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CacheEntry, cached, isCached } from './cache.ts';

describe('the cache of built parts', () => {
  let root = '';
  let builds = 0;
  const entry = (name: string, content: string | Error = 'built'): CacheEntry => ({
    name,
    check: 'program',
    build: async (folder) => {
      builds += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (content instanceof Error) throw content;
      await writeFile(join(folder, 'program'), content);
    },
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'mongolake-cache-'));
    builds = 0;
    vi.stubEnv('MONGOLAKE_TEST_CACHE', root);
    vi.spyOn(console, 'error').mockReturnValue();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(root, { recursive: true });
  });

  it('builds a part once, whoever asks at the same time', async () => {
    const folders = await Promise.all([1, 2, 3].map(() => cached(entry('part-1'))));
    expect(new Set(folders).size).toBe(1);
    expect(builds).toBe(1);
    expect(existsSync(join(folders[0] ?? '', 'program'))).toBe(true);
  });

  it('builds another version anew', async () => {
    expect(await cached(entry('part-1'))).not.toBe(await cached(entry('part-2')));
    expect(builds).toBe(2);
  });

  it('builds again what failed or lost its program', async () => {
    await expect(cached(entry('part-1', new Error('no network')))).rejects.toThrow('no network');
    expect(isCached(entry('part-1'))).toBe(false);
    const folder = await cached(entry('part-1'));
    rmSync(join(folder, 'program'));
    await cached(entry('part-1'));
    expect(builds).toBe(3);
  });
});
