import { describe, expect, it } from 'vitest';
import { partitionsPage } from '../../../src/cli/overview/partitions-page.ts';
import { tablePage } from '../../../src/cli/overview/table-page.ts';
import { versionsPage } from '../../../src/cli/overview/versions-page.ts';
import type { MergeCell, PartitionSize } from '../../../src/cli/overview/view.ts';
import { detailOf, ENTRY, entryOf, RUN, VERIFIED, version, viewWith } from './views.ts';

const LOOKER = { viewer: undefined, hasBoard: true };
const said = (page: string) => page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const sizes = (count: number, size: (n: number) => PartitionSize): PartitionSize[] =>
  Array.from({ length: count }, (_, n) => size(n));

describe('the page of a table', () => {
  it('draws rows, changes and durations, and marks where the schema changed and what was no sync', () => {
    const versions = [
      version(4, { operation: 'RESTORE', counts: undefined, startedAt: undefined }),
      version(3, { columns: ['_id long', 'b string'] }),
      version(2),
      version(1, { columns: ['_id long'] }),
      version(0, { columns: ['_id long'] }),
    ];
    const page = tablePage(detailOf(ENTRY, versions), LOOKER);
    expect(page.match(/class="mark schema"/g)).toHaveLength(1);
    expect(page.match(/class="mark other"/g)).toHaveLength(1);
    expect(page.match(/class="hit"/g)).toHaveLength(5);
    expect(page).toContain(
      '<title>Version 3, 2026-03-01 11:43:23Z: SYNC; 1,000 inserted; 4,000 rows in the table; took 2.0 s; schema: + b string</title>',
    );
    expect(said(page)).toContain('The schema changed in version 3.');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('tells of verification and quarantine what was found', () => {
    const found = { ...VERIFIED, differences: { missing: 2, stale: 1, gone: 0 }, unconfirmed: 1 };
    const entry = entryOf(viewWith({ verification: found, quarantined: 3 }));
    const reasons = [
      { reason: 'field <b> is broken', documents: 2 },
      { reason: 'no _id', documents: 1 },
    ];
    const text = said(tablePage({ ...detailOf(entry), reasons }, LOOKER));
    expect(text).toContain('▲ Version 1 differs from its source in 4 ids.');
    expect(text).toContain('Missing 2 Stale 1 Gone 0 Unconfirmed 1');
    expect(text).toContain('field &lt;b&gt; is broken 2 no _id 1');
    const fine = said(tablePage(detailOf(entryOf(viewWith({ verification: VERIFIED }))), LOOKER));
    expect(fine).toContain('✓ Version 1 equals its source.');
    expect(fine).toContain('✓ Every document is stored.');
    expect(said(tablePage(detailOf(ENTRY), LOOKER))).toContain('Never verified');
  });

  it('tells how evenly the partitions are filled', () => {
    const partitions = [10, 0, 40, 30].map((rows) => ({ files: 1, rows, bytes: rows * 1000 }));
    const page = tablePage(detailOf(entryOf({ ...viewWith({}), partitions })), LOOKER);
    expect(said(page)).toContain(
      'The largest of 4 partitions, number 2, holds 40.0 kB: 2.00 times the mean of 20.0 kB. 1 partition is empty.',
    );
    expect(page).toContain('<i class="m2" title="Partition 0: 10 rows, 10.0 kB in 1 file"></i><i class="u"');
  });

  it('of a table that is yet to come, that fails, or that is not read yet is a page too', () => {
    const none = entryOf({
      ...viewWith({ table: undefined, lastCheck: undefined }, RUN),
      partitions: [],
      last: undefined,
    });
    const text = said(tablePage(detailOf(none, []), LOOKER));
    expect(text).toContain('Run in progress');
    expect(text).toContain('There is no table yet');
    const trouble = { code: 'TABLE_FOREIGN', message: 'not ours', hint: 'restore' };
    expect(said(tablePage(detailOf({ ...ENTRY, reading: { kind: 'trouble', trouble } }), LOOKER))).toContain(
      'TABLE_FOREIGN not ours restore',
    );
    expect(said(tablePage(detailOf({ ...ENTRY, reading: { kind: 'pending' } }), LOOKER))).toContain(
      'has not answered yet',
    );
  });

  it('says so where it stands well and its history can not be read', () => {
    const trouble = { code: 'TABLE_CORRUPT', message: 'entry 3 is damaged', hint: undefined };
    const text = said(tablePage({ ...detailOf(ENTRY, []), missing: { kind: 'trouble', trouble } }, LOOKER));
    expect(text).toContain('The history can’t be read. TABLE_CORRUPT entry 3 is damaged');
    expect(text).toContain('No version is known yet.');
  });

  it('of 1,024 partitions and 200 of 10,000 versions has a square for each and a bounded size', () => {
    const partitions = sizes(1024, (n) => ({ files: 1, rows: 1000 + n, bytes: 1e6 + n }));
    const cells = partitions.map(
      (_, n): MergeCell => ({ state: n % 2 === 0 ? 'merged' : 'waiting', documents: n, durationMs: n }),
    );
    const versions = Array.from({ length: 200 }, (_, n) => version(9_999 - n));
    const page = tablePage(detailOf(entryOf({ ...viewWith({}, { ...RUN, cells }), partitions }), versions), LOOKER);
    expect(page.match(/<i class="[mwu]\d?" title/g)).toHaveLength(2048);
    expect(page.match(/class="hit"/g)).toHaveLength(200);
    expect(page).toContain('512 of 1,024 partitions merged, 512 to go');
    expect(page.length).toBeLessThan(400_000);
  });

  it('of 65,536 partitions draws several in one square', () => {
    const partitions = sizes(65_536, (n) => ({ files: 1, rows: 1, bytes: n < 16 ? 500 : 100 }));
    const page = tablePage(detailOf(entryOf({ ...viewWith({}), partitions })), LOOKER);
    expect(page.match(/<i class="[mwu]\d?" title/g)).toHaveLength(4096);
    expect(page).toContain('<i class="m5" title="0 to 15: the largest of them"></i><i class="m1" title="16 to 31');
  });
});

describe('what maps and charts show, as tables', () => {
  it('every partition, with what the run has done to it', () => {
    const text = said(partitionsPage(detailOf(entryOf(viewWith({}, RUN))), LOOKER));
    expect(text).toContain('0 1,000 1.0 MB 1.00 1 merged, 500 documents in 1.2 s');
    expect(text).toContain('1 1,000 1.0 MB 1.00 1 not merged yet');
    expect(said(partitionsPage(detailOf({ ...ENTRY, reading: { kind: 'pending' } }), LOOKER))).toContain(
      'All partitions are empty.',
    );
  });

  it('every version', () => {
    const versions = [
      version(12, { columns: ['_id long', '<b> string'] }),
      version(11, { columns: ['_id long'], operation: undefined, counts: undefined }),
    ];
    const text = said(versionsPage(detailOf(ENTRY, versions), LOOKER));
    expect(text).toContain('12 2026-03-01 11:43:32Z SYNC 1,000 inserted +4 −4 4.0 MB 2.0 s ◆ + &lt;b&gt; string');
    expect(text).toContain('11 2026-03-01 11:43:31Z ▲ unknown –');
  });
});
