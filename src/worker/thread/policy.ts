import { type Cut, createCut, type KeyedHash } from '../../shared/domain/cut.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import type { Plan } from '../../shared/domain/plan.ts';
import { hidesIds } from '../../shared/domain/policy.ts';

/**
 * What is cut out of every document of a run, `undefined` for nothing, by its plan and this worker's own key. Throws `CONFIG_INVALID` where the plan hashes and
 * the key is missing or another.
 */
export function cutOf(
  { columns, cursor }: Pick<Plan, 'columns' | 'cursor'>,
  keyed: KeyedHash | undefined,
): Cut | undefined {
  if (columns === undefined) return undefined;
  if (columns.key === undefined) return createCut(columns, cursor.field, noKey);
  if (keyed === undefined) throw noKey();
  if (keyed.fingerprint !== columns.key) {
    throw new MongolakeError('CONFIG_INVALID', "this worker's hashKey is not the one that the run was planned with", {
      hint: 'Give coordinator and workers the same hashKey, and start again those that have an old one.',
    });
  }
  return createCut(columns, cursor.field, keyed.hash);
}

/** What leaves nothing of a document but `_id`, hashed where the plan hashes it, and the cursor. Errors: those of `cutOf`. */
export function keysOf({ columns, cursor }: Pick<Plan, 'columns' | 'cursor'>, keyed: KeyedHash | undefined): Cut {
  const hashed = hidesIds(columns) ? { hash: ['_id'] } : {};
  return createCut({ include: [], ...hashed }, cursor.field, keyed?.hash ?? noKey);
}

function noKey(): never {
  throw new MongolakeError(
    'CONFIG_INVALID',
    'the run hashes fields, and the configuration of this worker has no hashKey',
    {
      hint: 'Give coordinator and workers the same configuration.',
    },
  );
}
