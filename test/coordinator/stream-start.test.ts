import { describe, expect, it } from 'vitest';
import { decideStream, followsStream } from '../../src/coordinator/stream-start.ts';
import { positionOf } from '../../src/shared/domain/position.ts';

const SETTINGS = { mode: 'changestream' } as const;
const SYNC = { mode: 'sync', replace: false, settings: SETTINGS } as const;
const END = { position: positionOf(100n), hasChanges: true };
const KNOWN = positionOf(40n);
const FACTS = { hasTable: true, known: KNOWN, end: END, isLost: false };
/** What was written up to 100 is in what is read after that was asked. */
const LOAD = {
  reads: 'source',
  step: { from: null, to: positionOf(101n) },
  readSince: END.position,
  hasWork: true,
};

describe('how a run of a table that follows a change stream begins', () => {
  it.each([
    ['a first load', SYNC, { ...FACTS, hasTable: false, known: null }, { ...LOAD, replace: false }],
    [
      'a sync reads on',
      SYNC,
      FACTS,
      {
        reads: 'changes',
        replace: false,
        step: { from: KNOWN, to: END.position },
        readSince: END.position,
        hasWork: true,
      },
    ],
    [
      'a sync with nothing to read still takes the place on',
      SYNC,
      { ...FACTS, end: { ...END, hasChanges: false } },
      {
        reads: 'changes',
        replace: false,
        step: { from: KNOWN, to: END.position },
        readSince: END.position,
        hasWork: false,
      },
    ],
    ['a table of a cursor is loaded anew', SYNC, { ...FACTS, known: null }, { ...LOAD, replace: true, why: 'new' }],
    ['what came is lost', SYNC, { ...FACTS, isLost: true }, { ...LOAD, replace: true, why: 'lost' }],
    [
      'backfill --replace',
      { ...SYNC, mode: 'backfill', replace: true } as const,
      { ...FACTS, end: { ...END, hasChanges: false } },
      { ...LOAD, replace: true },
    ],
    [
      'a backfill leaves the place where it is: deletions since then are still to come',
      { ...SYNC, mode: 'backfill' } as const,
      FACTS,
      { reads: 'source', replace: false, readSince: END.position, hasWork: true },
    ],
  ])('%s', (_, request, facts, start) => {
    expect(decideStream(request, facts)).toEqual(start);
  });

  it('goes by the stream only where the source is read for what changed, or for everything', () => {
    expect(followsStream(SYNC)).toBe(true);
    expect(followsStream({ ...SYNC, mode: 'backfill' })).toBe(true);
    expect(followsStream({ ...SYNC, mode: 'retry' })).toBe(false);
    expect(followsStream({ ...SYNC, mode: 'repair' })).toBe(false);
    expect(followsStream({ ...SYNC, settings: { mode: 'incremental' } })).toBe(false);
    expect(followsStream({ ...SYNC, settings: { mode: 'full' } })).toBe(false);
  });
});
