import { expect, test } from 'vitest';
import { NO_COUNTS } from '../../../src/shared/domain/books.ts';
import { type Notice, notificationOf, slackBody } from '../../../src/shared/domain/notification.ts';

const FAILED: Notice = {
  event: 'failed',
  code: 'SOURCE_REFUSED',
  message: 'user <!channel> & "x"',
  hint: 'see <https://example.com|here>',
  retryable: false,
  exit: 77,
};

const text = (notice: Notice) => slackBody(notificationOf('guest.notifications', notice, 0)).text;

test("the text for a chat has Slack's control characters escaped: nothing in it mentions anybody or links", () => {
  expect(text(FAILED)).toBe(
    'mongolake: guest.notifications failed: user &lt;!channel&gt; &amp; "x" [SOURCE_REFUSED]\nsee &lt;https://example.com|here&gt;',
  );
});

test.each<[Notice, string]>([
  [
    { ...FAILED, message: 'm', retryable: true },
    'It may succeed when it is run again; a coordinator does so by itself.',
  ],
  [{ event: 'stale', lastCheckAt: null, limitSeconds: 900 }, 'is stale: last in step never, and 900 s is the limit'],
  [
    { event: 'quarantined', added: 1, listed: 3, tableVersion: 2 },
    "1 more documents can't be stored and were put aside, 3 in all",
  ],
  [
    { event: 'differs', differences: { missing: 1, stale: 2, gone: 3 }, repairedIn: 9 },
    '1 missing, 2 stale, 3 gone; repaired in version 9',
  ],
  [
    { event: 'recovered', from: ['failed', 'stale'], since: '2026-01-01' },
    'is in step again (failed and stale since 2026-01-01)',
  ],
  [
    { event: 'committed', tableVersion: 4, counts: { ...NO_COUNTS, inserted: 7 }, durationMs: 1600 },
    'version 4: 7 inserted, 0 updated, 0 deleted in 2 s',
  ],
])('in words: %o', (notice, words) => {
  expect(text(notice)).toContain(words);
});

test('a text is no longer than a chat takes', () => {
  const long = text({ ...FAILED, message: 'x'.repeat(5000) });
  expect(long.length).toBeLessThan(2000);
  expect(long.endsWith('…')).toBe(true);
});
