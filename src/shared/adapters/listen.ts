import { MongolakeError } from '../domain/errors.ts';

/** A host as it stands in a URL: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Why an address can't be listened on: `LISTEN_FAILED`. `origin` is the option or key that it is from. */
export function listenError(
  error: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
  origin: string,
): MongolakeError {
  return new MongolakeError(
    'LISTEN_FAILED',
    `${origin}: ${hostInUrl(host)}:${port} can't be listened on: ${reason(error)}`,
    {
      hint: 'Choose another address or port; port 0 takes any free one.',
      cause: error,
    },
  );
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'another process has it';
  if (error.code === 'EADDRNOTAVAIL') return 'it is no address of this machine';
  if (error.code === 'EACCES') return 'this user may not';
  return error.code ?? error.message;
}
