import { listenSchema } from '../shared/config/deployment.ts';
import type { ListenAddress } from '../shared/config/fields.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/** Where to serve: the option `--listen`, else what the configuration says at `key`; `origin` is which of them. Throws `USAGE`. */
export function listenOf<T extends ListenAddress | undefined>(
  option: string | undefined,
  configured: T,
  key: string,
): { readonly listen: ListenAddress | T; readonly origin: string } {
  const given = parseListen(option);
  return given === undefined ? { listen: configured, origin: key } : { listen: given, origin: '--listen' };
}

/** Reads `--listen HOST:PORT` as the configuration reads `listen`; undefined where the option is left out. Throws `USAGE`. */
export function parseListen(option: string | undefined): ListenAddress | undefined {
  if (option === undefined) return undefined;
  const read = listenSchema.safeParse(option);
  if (read.success) return read.data;
  throw new MongolakeError('USAGE', `--listen: ${read.error.issues[0]?.message}`, {
    hint: 'Such as --listen 127.0.0.1:9464; port 0 takes any free one.',
  });
}
