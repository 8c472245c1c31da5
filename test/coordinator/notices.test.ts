import { describe, expect, test } from 'vitest';
import { noticed, noticing, type Seen, type Standing } from '../../src/coordinator/notices.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';
import { type ErrorCode, MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Notification } from '../../src/shared/domain/notification.ts';
import type { RunFigures } from '../../src/shared/ports/metrics.ts';
import { fakeClock } from './fake-clock.ts';

const MINUTE = 60_000;
const LIMIT: Standing = { seenAt: 0, limit_ms: 15 * MINUTE };

const failed = (code: ErrorCode): Seen => ({
  kind: 'ended',
  end: { outcome: 'failed', at: 0, durationMs: 1, error: new MongolakeError(code, 'no', { hint: 'look' }) },
});
const skipped: Seen = {
  kind: 'ended',
  end: { outcome: 'skipped', at: 0, durationMs: 1, error: new MongolakeError('LEASE_HELD', 'held') },
};
const FIGURES: RunFigures = {
  version: null,
  counts: NO_COUNTS,
  bytesRead: 0,
  bytesWritten: 0,
  stagesMs: { window: 0, extract: 0, schema: 0, merge: 0, commit: 0 },
};
const well = (figures: Partial<RunFigures> = {}): Seen => ({
  kind: 'ended',
  end: { outcome: 'unchanged', at: 0, durationMs: 70.4, figures: { ...FIGURES, ...figures } },
});
const checked = (minute: number): Seen => ({ kind: 'checked', checkedAt: minute * MINUTE });
const looked: Seen = { kind: 'looked' };
const found = (missing: number, isNew = true): Seen => ({
  kind: 'verified',
  found: { checkedAt: 0, differences: { missing, stale: 0, gone: 0 }, repairedIn: null },
  isNew,
});

/** What is seen at which minute. */
type Happened = readonly [minute: number, seen: Seen];

/** What is told at each step of a history. */
function history(...all: Happened[]) {
  let standing = LIMIT;
  return all.map(([minute, seen]) => {
    const step = noticed(standing, seen, minute * MINUTE);
    standing = step.standing;
    return step.notices;
  });
}

const events = (...all: Happened[]) => history(...all).map((notices) => notices.map(({ event }) => event).join(' '));

describe('a failure', () => {
  test('is told when it begins and when its reason changes, not at each try; then that it is over', () => {
    expect(
      events(
        [1, failed('SOURCE_UNREACHABLE')],
        [2, failed('SOURCE_UNREACHABLE')],
        [4, failed('SOURCE_REFUSED')],
        [5, failed('SOURCE_REFUSED')],
        [6, well()],
        [7, well()],
        [8, failed('SOURCE_REFUSED')],
      ),
    ).toEqual(['failed', '', 'failed', '', 'recovered', '', 'failed']);
  });

  test('has code, message, hint and exit code; its end says since when', () => {
    const [begin, end] = history([1, failed('SOURCE_UNREACHABLE')], [3, well()]);
    expect(begin).toEqual([
      { event: 'failed', code: 'SOURCE_UNREACHABLE', message: 'no', hint: 'look', retryable: true, exit: 75 },
    ]);
    expect(end).toEqual([{ event: 'recovered', from: ['failed'], since: '1970-01-01T00:01:00.000Z' }]);
  });

  test('is neither begun nor ended by a run that was skipped', () => {
    expect(events([1, skipped], [2, failed('SOURCE_REFUSED')], [3, skipped])).toEqual(['', 'failed', '']);
  });

  test('is over where another process checked the table after it, not before', () => {
    expect(events([5, failed('SOURCE_REFUSED')], [6, checked(4)], [7, checked(6)])).toEqual([
      'failed',
      '',
      'recovered',
    ]);
  });
});

describe('staleness', () => {
  test('is told once when the last check is older than the limit, and when it is no longer', () => {
    expect(events([1, checked(1)], [16, looked], [16.1, looked], [17, looked], [18, checked(17)])).toEqual([
      '',
      '',
      'stale',
      '',
      'recovered',
    ]);
  });

  test('tells the last check and the limit', () => {
    expect(history([1, checked(1)], [20, looked])[1]).toEqual([
      { event: 'stale', lastCheckAt: '1970-01-01T00:01:00.000Z', limitSeconds: 900 },
    ]);
  });

  test('of a table that was never in step counts from when it was first seen', () => {
    expect(history([15, looked], [16, looked])).toEqual([
      [],
      [{ event: 'stale', lastCheckAt: null, limitSeconds: 900 }],
    ]);
  });

  test('is never told where there is no limit', () => {
    expect(noticed({ seenAt: 0 }, looked, Number.MAX_SAFE_INTEGER).notices).toEqual([]);
  });

  test('with a failure: the table has recovered when neither is left', () => {
    const told = history(
      [1, failed('SOURCE_REFUSED')],
      [16, looked],
      [17, well()],
      [17, checked(1)],
      [18, checked(17)],
    );
    expect(told.map((notices) => notices.map(({ event }) => event))).toEqual([
      ['failed'],
      ['stale'],
      [],
      [],
      ['recovered'],
    ]);
    expect(told.at(-1)).toMatchObject([{ from: ['failed', 'stale'], since: '1970-01-01T00:01:00.000Z' }]);
  });
});

test('a commit is told, and documents that are new on the list of what can not be stored', () => {
  const contents = { version: 3, rows: 1, files: 1, bytes: 1, quarantined: 5 };
  expect(
    history([1, well({ version: 3, newlyQuarantined: 2, contents })], [2, well({ version: 4, newlyQuarantined: 0 })]),
  ).toEqual([
    [
      { event: 'committed', tableVersion: 3, counts: NO_COUNTS, durationMs: 70 },
      { event: 'quarantined', added: 2, listed: 5, tableVersion: 3 },
    ],
    [{ event: 'committed', tableVersion: 4, counts: NO_COUNTS, durationMs: 70 }],
  ]);
});

test('differences are told where this process found them, and only where they are others than before', () => {
  expect(
    events([1, found(2, false)], [2, found(2)], [3, found(3)], [4, found(3)], [5, found(0)], [6, found(3)]),
  ).toEqual(['', '', 'differs', '', '', 'differs']);
});

test('tables are known by their list: of others nothing is told, and one that left begins anew', () => {
  const clock = fakeClock(0);
  const told: Notification[] = [];
  const notices = noticing({ notify: (one) => void told.push(one), drain: async () => {} }, clock);
  const { end } = failed('SOURCE_REFUSED') as Extract<Seen, { kind: 'ended' }>;
  const list = (...names: string[]) =>
    notices.tables(names.map((name) => ({ name, freshnessLimit_ms: 1000, verificationLimit_ms: undefined })));
  notices.runEnded('guest.a.b', end);
  list('guest.a.b');
  notices.runEnded('guest.a.b', end);
  list('guest.a.b');
  notices.runEnded('guest.a.b', end);
  list();
  notices.look();
  list('guest.a.b');
  notices.runEnded('guest.a.b', end);
  expect(told).toHaveLength(2);
  expect(told[0]).toMatchObject({
    version: 1,
    event: 'failed',
    table: 'guest.a.b',
    pipeline: 'guest',
    collection: 'a.b',
    at: '1970-01-01T00:00:00.000Z',
  });
});
