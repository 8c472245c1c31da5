import { type FileHandle, link, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { withTemporary } from './storage-file-temporary.ts';

const NONCE_BYTES = 32;
/** Vault takes no longer one. */
const NONCE_MAX = 128;

/**
 * The client nonce that `file` keeps: made where there is no file, with mode 0600, and the same for all who ask at once.
 * Vault pins an instance to the nonce of its first login, so it is on disk before anybody can have sent it.
 * Errors: `CONFIG_INVALID` for a file that is empty, open to others, or that can't be read or made. No message holds a nonce.
 */
export async function clientNonce(file: string, clock: Clock): Promise<string> {
  try {
    return (await readNonce(file)) ?? (await makeNonce(file, clock));
  } catch (error) {
    if (error instanceof MongolakeError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new MongolakeError('CONFIG_INVALID', `${file}: the client nonce can not be kept there (${code})`, {
      hint: `Make its folder one that this user can write and that stays as long as the instance (install -d -m 700 ${dirname(file)}), or set vault.auth.nonceFile to such a place.`,
    });
  }
}

/** `undefined` where there is no file. */
async function readNonce(file: string): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode } = await handle.stat();
    // Windows has no such bits.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8);
      throw new MongolakeError('CONFIG_INVALID', `${file}: others may read or write the client nonce (mode ${octal})`, {
        hint: `chmod 600 ${file}`,
      });
    }
    const nonce = (await handle.readFile('utf8')).trim();
    if (nonce !== '' && nonce.length <= NONCE_MAX) return nonce;
    const what = nonce === '' ? 'is empty' : `is longer than ${NONCE_MAX} characters`;
    throw new MongolakeError('CONFIG_INVALID', `${file}: the client nonce ${what}`, {
      hint: 'Bring the file back as it was. Where that is lost: delete it, and have Vault forget the instance (vault delete auth/<mount>/identity-accesslist/<instance id>).',
    });
  } finally {
    await handle.close();
  }
}

async function makeNonce(file: string, clock: Clock): Promise<string> {
  const nonce = clock.randomHex(NONCE_BYTES);
  async function* chunks(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${nonce}\n`);
  }
  const place = (temporary: string) =>
    link(temporary, file).then(
      () => nonce,
      async (error: NodeJS.ErrnoException) => {
        // Another process was first: its nonce is the one.
        const theirs = error.code === 'EEXIST' ? await readNonce(file) : undefined;
        if (theirs === undefined) throw error;
        return theirs;
      },
    );
  return withTemporary(dirname(file), clock, chunks(), place, 0o600);
}
