import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import { asMongolakeError } from '../../src/shared/domain/errors.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { withOwnNotes } from '../coordinator/own-notes.ts';
import { type Harness, harness } from '../coordinator/table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const SECOND = 1000;
/** Versions of one table, after which another begins: a log grows slow without end. */
const RACES_PER_TABLE = 25;
const TABLES = 10;
/** Fast for tables this small. */
const SETTINGS = { engine: 'parquetjs', partitions: 1, allowedLateness: SECOND } as const;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mongolake-races-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** How one of two runs ended: the version that it made, `null` for none, or why it failed. */
type Outcome = number | null | string;

/** Two coordinators, each with workers of its own, over one table in a folder. */
async function rivals(name: string, view: (shared: Storage) => Storage): Promise<readonly [Harness, Harness]> {
  const open = () => harness({ now: NOW, wrap: () => view(fileStorage(join(root, name), systemClock())) });
  const pair = [open(), open()] as const;
  for (const one of pair) one.collection.documents = [{ _id: 1, n: 0, updateTime: new Date(NOW) }];
  await pair[0].sync({}, SETTINGS);
  return pair;
}

/** Both sync at once after the document changed. */
async function race(pair: readonly [Harness, Harness], round: number): Promise<readonly Outcome[]> {
  return Promise.all(
    pair.map(async (one): Promise<Outcome> => {
      one.collection.now = NOW + round * 10 * SECOND;
      one.collection.documents = [{ _id: 1, n: round, updateTime: new Date(one.collection.now) }];
      try {
        return (await one.sync({}, SETTINGS)).version;
      } catch (error) {
        return asMongolakeError(error).code;
      }
    }),
  );
}

/** The run that made a version. */
async function maker(table: Harness, version: number): Promise<unknown> {
  const [info] = await table.entry(version);
  return (info?.commitInfo as { txnId?: string } | undefined)?.txnId;
}

/** Goes through all races; gives the outcomes of each and checks that every version has one winner. */
async function races(view: (shared: Storage) => Storage): Promise<readonly Outcome[]> {
  const all: Outcome[] = [];
  for (let i = 0; i < TABLES; i++) {
    const pair = await rivals(`table-${i}`, view);
    const runs = new Set([await maker(pair[0], 0)]);
    for (let round = 1; round <= RACES_PER_TABLE; round++) {
      const outcomes = await race(pair, round);
      expect(
        outcomes.filter((outcome) => outcome === round),
        `round ${round}: ${outcomes.join(', ')}`,
      ).toHaveLength(1);
      runs.add(await maker(pair[0], round));
      all.push(...outcomes.filter((outcome) => outcome !== round));
    }
    expect(runs.size).toBe(RACES_PER_TABLE + 1);
    expect(await pair[0].entry(RACES_PER_TABLE + 1)).toEqual([]);
    for (const one of pair) await one.close();
  }
  return all;
}

it('250 races of two coordinators under one lease: one winner per version, the other waits its turn or finds nothing to do', async () => {
  const losers = await races((shared) => shared);
  expect(losers).toHaveLength(TABLES * RACES_PER_TABLE);
  for (const outcome of losers) expect(['LEASE_HELD', null]).toContain(outcome);
}, 300_000);

it('250 races of two coordinators that both hold a lease: the log alone decides, and the loser is told', async () => {
  // What is ours beside the table, lease and staging, each sees alone: nothing but the log stands between them.
  const losers = await races(withOwnNotes);
  expect(losers).toHaveLength(TABLES * RACES_PER_TABLE);
  for (const outcome of losers) expect(['COMMIT_CONFLICT', null]).toContain(outcome);
  expect(losers.filter((outcome) => outcome === 'COMMIT_CONFLICT').length).toBeGreaterThan(losers.length / 2);
}, 300_000);
