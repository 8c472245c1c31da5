import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { MongolakeError } from '../domain/errors.ts';
import { redact } from '../domain/redact.ts';

/** Absolute paths of PEM files; certificate and key may be one file. */
export interface TlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
}

/** What the files hold, under the names of Node's `tls`. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/**
 * Reads the files and proves that TLS takes them: a key that is not the certificate's, a wrong password or a CA file without a
 * certificate is told here and not at the first connection. Throws `CONFIG_INVALID`, which names `where` and the file.
 */
export function readTls(where: string, files: TlsFiles): TlsMaterial {
  const { caFile, certFile, keyFile, keyPassword: passphrase } = files;
  const ca = caFile === undefined ? undefined : readPem(where, caFile, 'CERTIFICATE');
  const cert = certFile === undefined ? undefined : readPem(where, certFile, 'CERTIFICATE');
  const key = keyFile === undefined ? undefined : readPem(where, keyFile, 'PRIVATE KEY');
  const material = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  try {
    createSecureContext(material);
  } catch (error) {
    const paths = [...new Set([caFile, certFile, keyFile])].filter((path) => path !== undefined);
    throw new MongolakeError('CONFIG_INVALID', `${where}: TLS takes no ${paths.join(', ')}: ${reasonOf(error)}`, {
      hint: 'Check that the files are PEM, that the key is that of the certificate, and the password of the key.',
    });
  }
  return material;
}

/** What OpenSSL says, without its number and source file. */
function reasonOf(error: unknown): string {
  const { message, reason } = error as { message?: string; reason?: string };
  return redact(reason ?? message ?? 'unknown error');
}

function readPem(where: string, path: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new MongolakeError('CONFIG_INVALID', `${where}: ${path} can not be read (${code})`);
  }
  if (new RegExp(`-----BEGIN [A-Z ]*${kind}-----`).test(text)) return text;
  throw new MongolakeError('CONFIG_INVALID', `${where}: ${path} holds no PEM block of a ${kind.toLowerCase()}`);
}
