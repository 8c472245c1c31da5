import { MongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** The error for a command that needs a table where none is yet. */
export function tableMissing(storage: Pick<Storage, 'uri'>): MongolakeError {
  return new MongolakeError('TABLE_MISSING', `${storage.uri}: there is no table yet`, {
    hint: 'Load it with `mongolake sync`.',
  });
}
