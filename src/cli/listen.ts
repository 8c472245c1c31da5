import { listenSchema } from '../shared/config/deployment.ts';
import type { ListenAddress } from '../shared/config/fields.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/** Reads `--listen HOST:PORT` as the configuration reads `listen`; undefined where the option is left out. Throws `USAGE`. */
export function parseListen(option: string | undefined): ListenAddress | undefined {
  if (option === undefined) return undefined;
  const read = listenSchema.safeParse(option);
  if (read.success) return read.data;
  throw new MongolakeError('USAGE', `--listen: ${read.error.issues[0]?.message}`, {
    hint: 'Such as --listen 127.0.0.1:9464; port 0 takes any free one.',
  });
}
