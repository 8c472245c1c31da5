import { expect, it } from 'vitest';
import type { OpenedConfig } from '../../../src/app/app.ts';
import { openOverview } from '../../../src/cli/overview/read.ts';
import { memoryStorage } from '../../../src/shared/adapters/storage-memory.ts';
import type { TableTarget } from '../../../src/shared/config/targets.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { Storage } from '../../../src/shared/ports/storage.ts';
import { fakeClock } from '../../coordinator/fake-clock.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = fakeClock(NOW);
const schedule = { kind: 'every', every_ms: 900_000 } as const;
const target = (name: string) =>
  ({
    name: `guest.${name}`,
    pipeline: 'guest',
    collection: name,
    settings: { mode: 'incremental', schedule, ...(name === 'quick' ? { staleAfter: 60_000 } : {}) },
  }) as TableTarget;

/** A configuration of two pipelines, whose stores are these. */
function opened(stores: Readonly<Record<string, Storage>>): OpenedConfig {
  const pipelines = { guest: {}, away: {} };
  return {
    clock,
    config: { pipelines, queue: { kind: 'local' } },
    targets: async (pipeline: string) => {
      if (pipeline === 'away') throw new MongolakeError('SOURCE_UNREACHABLE', 'no answer', { hint: 'wait' });
      return Object.keys(stores).map(target);
    },
    storage: ({ collection }: TableTarget) => stores[collection],
  } as unknown as OpenedConfig;
}

const hanging = (): Storage => ({ ...memoryStorage('memory:hanging'), get: () => new Promise(() => {}) });
const broken = (): Storage => ({
  ...memoryStorage('memory:broken'),
  get: async () => {
    throw new MongolakeError('STORE_UNREACHABLE', 'memory:broken is away');
  },
});

it('a store that does not answer, one that fails and a pipeline without collections keep no other from being shown', async () => {
  const overview = openOverview(opened({ hangs: hanging(), fails: broken(), quick: memoryStorage('memory:fine') }));
  const asking = overview.all();
  await clock.advance(4000);
  const { tables, unresolved, queue } = await asking;
  expect(tables.map(({ name, reading }) => [name, reading.kind])).toEqual([
    ['guest.hangs', 'pending'],
    ['guest.fails', 'trouble'],
    ['guest.quick', 'read'],
  ]);
  expect(tables[1]?.reading).toMatchObject({ trouble: { code: 'STORE_UNREACHABLE' } });
  expect(unresolved).toEqual([
    { pipeline: 'away', trouble: { code: 'SOURCE_UNREACHABLE', message: 'no answer', hint: 'wait' } },
  ]);
  expect(queue).toEqual({ kind: 'local' });
  // Three times the schedule, or as configured.
  expect(tables.map((entry) => entry.freshnessLimit_ms)).toEqual([2_700_000, 2_700_000, 60_000]);
  await overview.close();
});

it('one table is found by its name, and no other', async () => {
  const overview = openOverview(opened({ fine: memoryStorage('memory:fine') }));
  expect(await overview.table('guest.fine')).toMatchObject({ name: 'guest.fine', versions: [], reasons: [] });
  expect(await overview.table('guest.other')).toBeUndefined();
  await overview.close();
});
