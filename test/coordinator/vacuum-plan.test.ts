import { describe, expect, it } from 'vitest';
import {
  explain,
  judge,
  oldestRetained,
  sumByGroup,
  type VacuumRules,
  type Verdict,
} from '../../src/coordinator/vacuum-plan.ts';
import {
  dataKey,
  FRESHNESS_KEY,
  LEASE_KEY,
  parseOwnKey,
  planKey,
  probeKey,
  quarantineListKey,
  quarantineObjectKey,
  receiptKey,
  segmentKey,
  stagedQuarantineKey,
  VACUUM_KEY,
} from '../../src/shared/domain/keys.ts';

const DEAD = '20260101t000000z-0000dead';
const LIVING = '20260105t000000z-00001111';
const OLD = 999;

const RULES: VacuumRules = {
  referred: new Set([dataKey(1, DEAD, 'ab', 0), quarantineListKey(3), quarantineObjectKey(DEAD, 'd1')]),
  living: new Set([LIVING]),
  livingEpoch: 8,
  before: 1000,
};

describe('the keys', () => {
  it('are parsed as they are made', () => {
    expect(parseOwnKey(dataKey(7, DEAD, 'ab12', 3))).toEqual({ kind: 'data', run: DEAD, attempt: 'ab12' });
    expect(parseOwnKey(dataKey(12_345_678, DEAD, 'ab12', 0))).toEqual({ kind: 'data', run: DEAD, attempt: 'ab12' });
    expect(parseOwnKey(quarantineListKey(12))).toEqual({ kind: 'list', epoch: 12 });
    expect(parseOwnKey(quarantineObjectKey(DEAD, 'c0ffee'))).toEqual({ kind: 'bytes', run: DEAD });
    for (const key of [planKey(DEAD), receiptKey(DEAD, 'merge', 1), segmentKey(DEAD, 0, 'a')])
      expect(parseOwnKey(key)).toEqual({ kind: 'staging', run: DEAD });
    expect(parseOwnKey(stagedQuarantineKey(DEAD, 0, 'a', 1))).toEqual({ kind: 'staging', run: DEAD });
    expect(parseOwnKey(probeKey('ab'))).toEqual({ kind: 'probe' });
  });

  it.each([
    LEASE_KEY,
    FRESHNESS_KEY,
    VACUUM_KEY,
    '_delta_log/00000000000000000000.json',
    'data/000001/part-00000.parquet.crc',
    'data/000001/mine.parquet',
    'data/a/20260101t000000z-0000dead-ab-0.parquet',
    'data/000001/20260101t000000z-0000dead-ab-0.parquet/more',
    '_mongolake/quarantine/notes.txt',
    '_mongolake/quarantine/000001.json.bak',
    'README.md',
  ])('%s is nobody’s to clean', (key) => {
    expect(parseOwnKey(key)).toBeUndefined();
    expect(judge({ key, modifiedAt: 0 }, RULES)).toBe('foreign');
  });
});

describe('an object', () => {
  it.each<[string, string, number, Verdict]>([
    ['that a retained version refers to stays, however old', dataKey(1, DEAD, 'ab', 0), 0, 'referred'],
    ['of another attempt of the same run goes', dataKey(1, DEAD, 'cd', 0), OLD, 'goes'],
    ['written at the very limit is too young', dataKey(1, DEAD, 'cd', 0), 1000, 'young'],
    ['of a living run stays, however old', dataKey(1, LIVING, 'ab', 0), 0, 'living'],
    ['that is a named list stays', quarantineListKey(3), 0, 'referred'],
    ['that is a list of no version goes', quarantineListKey(4), OLD, 'goes'],
    ['that is such a list, and new, is too young', quarantineListKey(4), 1000, 'young'],
    ['that is the list of a living run stays', quarantineListKey(8), 0, 'living'],
    ['that may be the list of whoever finishes it stays', quarantineListKey(9), 0, 'living'],
    ['on a list stays', quarantineObjectKey(DEAD, 'd1'), 0, 'referred'],
    ['on no list goes', quarantineObjectKey(DEAD, 'd2'), OLD, 'goes'],
    ['on no list, of a living run, stays', quarantineObjectKey(LIVING, 'd2'), 0, 'living'],
    ['staged by a living run stays', segmentKey(LIVING, 0, 'a'), 0, 'living'],
    ['staged by any other goes, however young', segmentKey(DEAD, 0, 'a'), 5000, 'goes'],
    ['of an old probe goes', probeKey('a'), OLD, 'goes'],
    ['of a probe that may be under way stays', probeKey('a'), 1000, 'young'],
  ])('%s', (_, key, modifiedAt, verdict) => {
    expect(judge({ key, modifiedAt }, RULES)).toBe(verdict);
  });

  it('without a living run: lists of any epoch may go', () => {
    const rules = { ...RULES, living: new Set<string>(), livingEpoch: Math.min() };
    expect(judge({ key: quarantineListKey(900), modifiedAt: OLD }, rules)).toBe('goes');
  });
});

describe('the oldest retained version', () => {
  const entries = [0, 100, 200, 300].map((modifiedAt, version) => ({ version, modifiedAt }));
  it.each([
    ['the newest alone where it is older than the retention', 301, 3],
    ['the one before it where it was committed at the very limit', 300, 2],
    ['the one that was replaced within the retention', 150, 1],
    ['the first where all were committed within it', 0, 0],
  ])('%s', (_, since, oldest) => {
    expect(oldestRetained(entries, since, 3, 0)).toBe(oldest);
  });

  it('counts from the first that is too new, also where the clock went back', () => {
    const jumped = [0, 250, 100, 110].map((modifiedAt, version) => ({ version, modifiedAt }));
    expect(oldestRetained(jumped, 200, 3, 0)).toBe(0);
  });

  it('is none that the log can no longer show, and none that is newer than the state', () => {
    expect(oldestRetained(entries.slice(2), 150, 3, 2)).toBe(2);
    expect(oldestRetained(entries, 250, 1, 0)).toBe(1);
  });
});

describe('what goes', () => {
  const object = (key: string, size: number) => ({ key, size, modifiedAt: 0 });

  it('says why', () => {
    const removed = new Map([[dataKey(0, DEAD, 'aa', 0), 12]]);
    const of = (key: string) => explain(object(key, 1), removed);
    expect(of(dataKey(0, DEAD, 'aa', 0))).toMatchObject({
      group: 'removed',
      reason: 'removed from the table in version 12',
    });
    expect(of(dataKey(0, DEAD, 'bb', 0))).toMatchObject({
      group: 'orphans',
      reason: `of no version: run ${DEAD} attempt bb`,
    });
    expect(of(quarantineListKey(7)).reason).toBe('a list of no retained version: epoch 7');
    expect(of(quarantineObjectKey(DEAD, 'd')).reason).toBe(`on no list of a retained version: run ${DEAD}`);
    expect(of(planKey(DEAD)).reason).toBe(`staged by run ${DEAD}, which can't be finished`);
    expect(of(probeKey('a')).group).toBe('probes');
  });

  it('is summed by group', () => {
    const doomed = [dataKey(0, DEAD, 'a', 0), dataKey(0, DEAD, 'a', 1), probeKey('a')].map((key, index) =>
      explain(object(key, 10 + index), new Map()),
    );
    expect(sumByGroup(doomed)).toEqual({
      removed: { objects: 0, bytes: 0 },
      orphans: { objects: 2, bytes: 21 },
      quarantine: { objects: 0, bytes: 0 },
      staging: { objects: 0, bytes: 0 },
      probes: { objects: 1, bytes: 12 },
    });
  });
});
