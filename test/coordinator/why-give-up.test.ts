import { expect, test } from 'vitest';
import { type Configured, whyGiveUp } from '../../src/coordinator/unfinished.ts';
import type { Plan } from '../../src/shared/domain/plan.ts';
import { positionOf } from '../../src/shared/domain/position.ts';
import { SETTINGS } from './table-harness.ts';

const NOW = {
  engineVersion: '1.2.3',
  namespace: { database: 'guest', collection: 'notifications' },
  source: 'mongodb://db/guest.notifications',
};
const ASKED: Configured = { pipeline: 'guest', collection: 'notifications', settings: SETTINGS };
const PLAN: Plan = {
  formatVersion: 1,
  run: 'r1',
  epoch: 1,
  pipeline: 'guest',
  collection: 'notifications',
  namespace: NOW.namespace,
  base: 0,
  createdAt: 0,
  engineVersion: NOW.engineVersion,
  scope: { kind: 'full' },
  watermark: null,
  nextWatermark: null,
  cursor: { field: SETTINGS.cursorField, type: SETTINGS.cursorType },
  partitions: 2,
  ranges: [],
  rewrite: null,
  backfill: false,
  replace: false,
  sourceKind: 'live',
  source: NOW.source,
  keepRows: 'none',
  maxQuarantined: 0,
  reads: 'source',
  priority: 1,
  engine: SETTINGS.engine,
  write: { targetFileSize: 1, rowGroupSize: 1, compression: 'snappy', compressionLevel: 1 },
};
const STEP = { from: positionOf(1n), to: positionOf(2n) };
const DUMP = { sourceKind: 'dump', keepRows: 'newer' } as const;

test('a run whose table, configuration, source and program are the same is finished', () => {
  expect(whyGiveUp(PLAN, ASKED, NOW)).toBeUndefined();
  expect(whyGiveUp({ ...PLAN, ...DUMP }, ASKED, NOW)).toBeUndefined();
});

test.each<[string, Partial<Plan>, RegExp]>([
  ['of another database', { namespace: { database: 'other', collection: 'notifications' } }, /other\.notifications/],
  ['of another collection', { namespace: { database: 'guest', collection: 'other' } }, /guest\.other/],
  ['planned by another version', { engineVersion: '1.2.2' }, /mongolake 1\.2\.2 planned it/],
  ['of a pipeline that was called otherwise', { pipeline: 'hotel' }, /called hotel\.notifications/],
  ['of a collection that was called otherwise', { collection: 'n' }, /called guest\.n/],
  ['by another cursor field', { cursor: { field: 'at', type: 'date' } }, /another cursor/],
  ['by another cursor type', { cursor: { field: SETTINGS.cursorField, type: 'objectId' } }, /another cursor/],
  ['by another column policy', { columns: { exclude: ['a'] } }, /another column policy/],
  ['by another engine', { engine: 'parquetjs' }, /another engine/],
  ['by another field that says what is deleted', { deletedField: 'gone' }, /otherwise what is deleted/],
  ['that repairs from another server', { reads: 'ids', source: 'mongodb://old/guest.notifications' }, /another source/],
  ['of another server', { source: 'mongodb://old/guest.notifications' }, /another source \(mongodb:\/\/old/],
  ['of another dump in its place', { ...DUMP, source: `${NOW.source}: 1 byte` }, /another source/],
  [
    'of a change stream that is not followed any more',
    { reads: 'changes', position: STEP },
    /no longer says source\.mode/,
  ],
  ['that loads a table for a stream that is not followed any more', { position: STEP }, /no longer says source\.mode/],
  ['that was to overwrite newer rows', { ...DUMP, keepRows: 'none' }, /overwrite newer rows/],
])('one %s is given up', (_, over, reason) => {
  expect(whyGiveUp({ ...PLAN, ...over }, ASKED, NOW)).toMatch(reason);
});

test('a run of a cursor is given up where the stream is followed now, one of the stream is finished', () => {
  const follows: Configured = { ...ASKED, settings: { ...SETTINGS, mode: 'changestream' } };
  const window = { kind: 'window', cursor: PLAN.cursor, from: 1, to: null } as const;
  expect(whyGiveUp({ ...PLAN, scope: window }, follows, NOW)).toMatch(/says source\.mode: changestream/);
  expect(whyGiveUp({ ...PLAN, reads: 'changes', position: STEP }, follows, NOW)).toBeUndefined();
  // What takes the place of a table whose stream was lost.
  const loads: Plan = { ...PLAN, replace: true, position: { from: null, to: STEP.to } };
  expect(whyGiveUp(loads, follows, NOW)).toBeUndefined();
});

test('what overwrites is finished where that is asked for again, and a retry overwrites nothing', () => {
  const overwrites: Plan = { ...PLAN, ...DUMP, keepRows: 'none' };
  expect(whyGiveUp(overwrites, { ...ASKED, overwrite: true }, NOW)).toBeUndefined();
  const retry: Plan = { ...overwrites, reads: 'quarantine' };
  expect(whyGiveUp(retry, ASKED, { ...NOW, source: undefined })).toBeUndefined();
});

test('a rewrite reads no source and makes no column: only its table and the program have to be the same', () => {
  const rewrite: Plan = {
    ...PLAN,
    rewrite: { kind: 'repartition', idType: { from: 'long', to: 'string:long' }, partitions: { from: 4, to: 8 } },
    source: '',
    engine: 'parquetjs',
  };
  expect(whyGiveUp(rewrite, { ...ASKED, columns: { exclude: ['a'] } }, { ...NOW, source: undefined })).toBeUndefined();
  expect(whyGiveUp({ ...rewrite, engineVersion: '0' }, ASKED, NOW)).toMatch(/mongolake 0/);
});

test('what the table is to be replaced by makes up for every other run; a replacement itself goes on', () => {
  const replacing = { ...ASKED, replace: true };
  for (const plan of [PLAN, { ...PLAN, backfill: true }, { ...PLAN, reads: 'quarantine' } as const])
    expect(whyGiveUp(plan, replacing, NOW)).toBe('the table is to be replaced');
  const asked: Plan = { ...PLAN, backfill: true, replace: true };
  expect(whyGiveUp(asked, replacing, NOW)).toBeUndefined();
  // It was asked for, and nobody has taken that back.
  expect(whyGiveUp(asked, ASKED, NOW)).toBeUndefined();
});

test('what replaced the table for its mode alone is finished while the mode is the same', () => {
  const plan: Plan = { ...PLAN, replace: true };
  const settings = { ...SETTINGS, mode: 'full' } as const;
  expect(whyGiveUp(plan, { ...ASKED, settings, replace: true }, NOW)).toBeUndefined();
  expect(whyGiveUp(plan, ASKED, NOW)).toMatch(/no longer says mode: full/);
});

test('an erasure is finished whatever the configuration says now, and also before the table is replaced', () => {
  const erasure = { ...PLAN, reads: 'erase', source: '' } as const;
  const settings = { ...SETTINGS, cursorField: 'other', engine: 'parquetjs' } as const;
  expect(whyGiveUp(erasure, { ...ASKED, settings, replace: true }, { ...NOW, source: undefined })).toBeUndefined();
  expect(whyGiveUp({ ...erasure, engineVersion: '0.9.0' }, ASKED, NOW)).toMatch(/planned it/);
});
