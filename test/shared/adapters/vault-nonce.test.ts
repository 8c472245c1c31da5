import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { clientNonce } from '../../../src/shared/adapters/vault-nonce.ts';

const root = mkdtempSync(join(tmpdir(), 'mongolake-nonce-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'n-'));
});

const clock = systemClock();

describe('the client nonce', () => {
  test('is made once, with mode 0600 and its folder, and is the same ever after', async () => {
    const file = join(folder, 'deep', 'er', 'nonce');
    const nonce = await clientNonce(file, clock);
    expect(nonce).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await clientNonce(file, clock)).toBe(nonce);
    expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['nonce']);
  });

  test('is one for all who ask at once', async () => {
    const file = join(folder, 'nonce');
    const nonces = await Promise.all(Array.from({ length: 20 }, () => clientNonce(file, clock)));
    expect(new Set(nonces)).toEqual(new Set([readFileSync(file, 'utf8').trim()]));
    expect(readdirSync(folder)).toEqual(['nonce']);
  });

  test('may be put there by hand, and is read again each time', async () => {
    const file = join(folder, 'nonce');
    writeFileSync(file, '  mine\n', { mode: 0o600 });
    expect(await clientNonce(file, clock)).toBe('mine');
    writeFileSync(file, 'other');
    expect(await clientNonce(file, clock)).toBe('other');
  });

  test.each([0o640, 0o604, 0o620, 0o666])('a file of mode %o is refused', async (mode) => {
    const file = join(folder, 'nonce');
    writeFileSync(file, 'canary');
    chmodSync(file, mode);
    await expect(clientNonce(file, clock)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${file}: others may read or write the client nonce (mode ${mode.toString(8)})`,
      hint: `chmod 600 ${file}`,
    });
  });

  test.each([
    ['is empty', ' \n'],
    ['is longer than 128 characters', 'canary'.repeat(30)],
  ])('a file that %s is refused', async (what, text) => {
    const file = join(folder, 'nonce');
    writeFileSync(file, text, { mode: 0o600 });
    await expect(clientNonce(file, clock)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${file}: the client nonce ${what}`,
      hint: expect.stringContaining('Bring the file back'),
    });
  });

  test('a place where no file can be is told with what to do', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'nonce'), { mode: 0o700 });
    for (const [file, code] of [
      [join(folder, 'file', 'nonce'), 'ENOTDIR'],
      [join(folder, 'nonce'), 'EISDIR'],
    ] as const) {
      await expect(clientNonce(file, clock)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: `${file}: the client nonce can not be kept there (${code})`,
        hint: expect.stringContaining('vault.auth.nonceFile'),
      });
    }
  });
});
