import type { RunSettings } from '../../src/coordinator/carry-out.ts';
import { type Erased, type EraseRequest, eraseIds } from '../../src/coordinator/erase.ts';
import { findIds } from '../../src/worker/thread/find.ts';
import { type Harness, SETTINGS } from './table-harness.ts';

/** Erases ids from the harness's table. */
export function erase(
  { runContext }: Harness,
  ids: readonly string[],
  asked: Partial<EraseRequest> = {},
  settings: Partial<RunSettings> = {},
): Promise<Erased> {
  const request: EraseRequest = {
    pipeline: 'guest',
    collection: 'notifications',
    kind: 'erase',
    purges: false,
    ids: ids.map((text) => ({ text, where: '--id' })),
    ...asked,
    settings: { ...SETTINGS, ...settings },
  };
  return eraseIds(request, { ...runContext, find: (engine, file) => findIds(engine, { ...file, memoryBytes: 256e6 }) });
}
