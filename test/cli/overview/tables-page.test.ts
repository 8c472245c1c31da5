import { describe, expect, it } from 'vitest';
import { tablesPage } from '../../../src/cli/overview/tables-page.ts';
import type { OverviewView, TableEntry } from '../../../src/cli/overview/view.ts';
import { ENTRY, entryOf, NOW, RUN, VERIFIED, viewWith } from './views.ts';

const DEPTH = { waiting: 3, prioritized: 1009, active: 2, delayed: 0, failed: 1 };
const view = (tables: readonly TableEntry[], more: Partial<OverviewView> = {}): OverviewView => ({
  now: NOW,
  queue: { kind: 'depth', depth: DEPTH },
  tables,
  unresolved: [],
  ...more,
});
/** What a page says, without its tags. */
const said = (page: string) => page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const trouble = { code: 'STORE_UNREACHABLE', message: "s3://lake can't be reached", hint: 'Check the network.' };

describe('the page of all tables', () => {
  it('tells of each table its state, freshness, lag, figures and findings', () => {
    const text = said(tablesPage(view([entryOf(viewWith({ quarantined: 3, verification: VERIFIED }))]), undefined));
    expect(text).toContain('guest 1 table, all checked within 1 min');
    expect(text).toMatch(
      /notifications ● Fresh 3 quarantined 1 min ago 5 min 1 4,000 4\.0 MB 1,000 inserted 16 min ago ✓ equal 1 h ago 3/,
    );
    expect(text).toContain('Need attention 1');
    expect(text).toContain('Jobs waiting 1,012 2 active, 1 failed');
    expect(text).toContain('No run in progress.');
  });

  it('shows a run stage by stage and partition by partition, in words too', () => {
    const page = tablesPage(view([entryOf(viewWith({}, RUN))]), undefined);
    expect(page).toContain('<p id="said" class="hidden" role="status">guest.notifications: merging.</p>');
    expect(page).toContain('<li aria-current="step">Merge</li>');
    expect(page).toContain('role="img" aria-label="1 of 2 partitions merged, 1 to go, 2 untouched"');
    expect(page).toContain('title="Partition 0: merged, 500 documents in 1.2 s"');
    expect(page.match(/<i class="w"|<i class="u"|<i class="m5"/g)).toHaveLength(1 + 1 + 2 + 3);
    expect(said(page)).toContain('1 of 2 partitions · about 500 documents · 100/s · 200 B/s · 5 s left');
  });

  it('a run that is silent or did not end says so', () => {
    const silent = tablesPage(view([entryOf(viewWith({}, { ...RUN, state: 'silent' }))]), undefined);
    expect(silent).toContain('Its lease was not renewed for 1 s: it seems to have crashed');
    const over = tablesPage(view([entryOf(viewWith({}, { ...RUN, state: 'unfinished' }))]), undefined);
    expect(over).toContain('the next run finishes it, or gives it up');
  });

  it('names of collections and people, errors and notes can be anything', () => {
    const hostile = `<img src=x onerror="alert('1')">`;
    const entries: TableEntry[] = [
      { ...ENTRY, name: `guest.${hostile}` },
      {
        ...entryOf(viewWith({ lease: { state: 'held', owner: hostile, run: 'r', epoch: 1, renewedAt: NOW } }, RUN)),
        pipeline: hostile,
      },
      { ...ENTRY, reading: { kind: 'trouble', trouble: { ...trouble, message: hostile } } },
    ];
    const page = tablesPage(view(entries, { unresolved: [{ pipeline: hostile, trouble }] }), hostile);
    expect(page).not.toContain('<img src=x');
    expect(page).toContain('/tables/guest.%3Cimg%20src%3Dx%20onerror%3D%22alert(&#39;1&#39;)%22%3E');
    // No script stands in a page, and no style: the policy would refuse them.
    const tags = page
      .replaceAll(/"[^"]*"/g, '""')
      .match(/<[^>]*>/g)
      ?.join('\n');
    expect(tags?.match(/<script(?! type="" src="">)|<style|\s(?:style|on\w+)=/g)).toBeNull();
  });

  it('of nothing, of what is not read yet and of what fails is a page too', () => {
    expect(said(tablesPage(view([]), undefined))).toContain('The configuration names no table.');
    const entries: TableEntry[] = [
      { ...ENTRY, reading: { kind: 'pending' } },
      { ...ENTRY, reading: { kind: 'trouble', trouble } },
      entryOf({ ...viewWith({ table: undefined, lastCheck: undefined }), last: undefined, partitions: [] }),
    ];
    const text = said(tablesPage(view(entries, { queue: { kind: 'trouble', trouble } }), undefined));
    expect(text).toContain('… Not read yet The store has not answered yet.');
    expect(text).toContain('✕ Unreadable STORE_UNREACHABLE: s3://lake can&#39;t be reached');
    expect(text).toContain('○ No table yet never – – – – – never 0');
    expect(text).toContain('The queue can’t be reached.');
  });

  it('without a queue there is no way to Bull Board', () => {
    expect(tablesPage(view([ENTRY]), undefined)).toContain('href="/queues"');
    expect(tablesPage(view([ENTRY], { queue: { kind: 'local' } }), undefined)).not.toContain('/queues');
  });

  it('says who is logged in', () => {
    expect(said(tablesPage(view([ENTRY]), 'ann@example.com'))).toContain('Logged in as ann@example.com');
    expect(said(tablesPage(view([ENTRY]), undefined))).not.toContain('Logged in');
  });
});
