import type { Document } from 'bson';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../chaos/random.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-03-01T00:00:00Z');
const LATENESS = SETTINGS.allowedLateness;
const IDS = 60;
/** Hours of a history, in which something happens every two minutes or so. */
const HOURS = 6;

type Write = 'now' | 'late' | 'veryLate' | 'future' | 'delete' | 'silent';

/** Writes and syncs at random over some hours; returns how many rows are to be there. */
async function live(house: Harness, random: () => number, kinds: readonly Write[]) {
  const { collection } = house;
  const documents = new Map<number, Document>();
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let revision = 0;
  const write = (kind: Write) => {
    const _id = Math.floor(random() * IDS);
    const known = documents.get(_id);
    const stamped = (ms: number) => documents.set(_id, { _id, revision: revision++, updateTime: new Date(ms) });
    const { now } = collection;
    if (kind === 'now') stamped(now);
    if (kind === 'late') stamped(now - Math.floor(random() * (LATENESS - 1)));
    if (kind === 'veryLate') stamped(now - LATENESS * (2 + Math.floor(random() * 10)));
    if (kind === 'future') stamped(now + Math.floor(random() * 30 * 24 * HOUR));
    if (kind === 'delete') documents.delete(_id);
    if (kind === 'silent' && known !== undefined) documents.set(_id, { ...known, revision: revision++ });
  };
  const sync = () => house.sync({}, SNAPPY);
  for (const end = START + HOURS * HOUR; collection.now < end; ) {
    collection.now += Math.floor(random() * 4 * MINUTE);
    write(pick(kinds));
    collection.documents = [...documents.values()];
    if (random() < 0.15) await sync();
    if (random() < 0.02) await house.verify({ repairs: true }, SNAPPY);
  }
  collection.now += 1;
  await sync();
  return new Map([...documents.values()].map((each) => [String(each._id), Number(each.revision)]));
}

const SNAPPY = { compression: 'snappy', partitions: 4 } as const;

async function revisions(house: Harness): Promise<ReadonlyMap<string, number>> {
  const rows = [...(await tableRows(house.storage))].map(([id, { revision }]) => [id, Number(revision)] as const);
  return new Map(rows);
}

const { MONGOLAKE_TEST_SEED: GIVEN_SEED = '20261201' } = process.env;
const SEED = GIVEN_SEED === 'random' ? Date.now() % 1e9 : Number(GIVEN_SEED);

describe(`random histories of a collection (seed ${SEED})`, () => {
  it('what was late by less than allowedLateness, or is dated in the future, no sync misses', async () => {
    const house = harness({ now: START });
    try {
      const expected = await live(house, seededRandom(SEED), ['now', 'now', 'late', 'future']);
      expect(await revisions(house)).toEqual(expected);
      expect((await house.verify({ isDeep: true }, SNAPPY)).differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    } finally {
      await house.close();
    }
  }, 60_000);

  it('whatever else happened, the table equals the source after a sync and a deep repair', async () => {
    const house = harness({ now: START });
    try {
      const kinds: Write[] = ['now', 'now', 'late', 'veryLate', 'future', 'delete', 'silent'];
      const expected = await live(house, seededRandom(SEED + 1), kinds);
      const { differences, repaired } = await house.verify({ isDeep: true, repairs: true }, SNAPPY);
      const { missing, stale, gone } = differences;
      expect(repaired === undefined ? 0 : repaired.counts.inserted + repaired.counts.updated).toBe(missing + stale);
      expect(repaired?.counts.deleted ?? 0).toBe(gone);
      expect(await revisions(house)).toEqual(expected);
      expect((await house.verify({ isDeep: true }, SNAPPY)).differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    } finally {
      await house.close();
    }
  }, 60_000);
});
