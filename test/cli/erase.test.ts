import { describe, expect, it } from 'vitest';
import { eraseJson, isProved, previewJson } from '../../src/app/erase.ts';
import { describeErased, describePreview } from '../../src/cli/erase.ts';
import { idLines } from '../../src/cli/given-ids.ts';
import type { Erased } from '../../src/coordinator/erase.ts';
import type { ErasePreview } from '../../src/coordinator/erase-preview.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';

const run: Erased['run'] = {
  run: 'r1',
  version: 7,
  window: { from: null, to: null },
  watermark: null,
  counts: { ...NO_COUNTS, read: 3, deleted: 2, unchanged: 1 },
  partitionsTouched: 2,
  filesAdded: 2,
  filesRemoved: 2,
  bytesRead: 10,
  bytesWritten: 2000,
  durationMs: 1400,
  stagesMs: { window: 0, extract: 0, schema: 0, merge: 0, commit: 0 },
};
const erased: Erased = { run, ids: 3, notFound: ['x\u001b[2J'], listed: 3, onList: 9, purged: undefined };
const purged = {
  version: 8,
  givenUp: { from: 0, to: 7 },
  files: 4,
  bytes: 5000,
  proof: [{ key: 'data/a.parquet', what: 'data file', gone: true }],
};
const ERASE = { kind: 'erase' } as const;

describe('a file of ids', () => {
  it('has one on each line, told by its line; blank lines say nothing', () => {
    expect(idLines('\n a \r\n\n{"a": 1}', 'ids.txt')).toEqual([
      { text: 'a', where: 'ids.txt:2' },
      { text: '{"a": 1}', where: 'ids.txt:4' },
    ]);
  });
});

describe('what was erased, for people', () => {
  it('tells rows, list, what was not found, and that older versions still hold them', () => {
    const told = describeErased('guest.n', ERASE, erased).join('\n');
    expect(told).toContain('version 7  2 rows of 3 ids erased, 3 new on the list; the list of erased ids has 9');
    expect(told).toContain('not found: x\\u001b[2J');
    expect(told).toMatch(/older versions still hold these rows.*--purge/);
  });

  it('tells each object that held them, and the proof or what is left', () => {
    const told = describeErased('guest.n', ERASE, { ...erased, purged }).join('\n');
    expect(told).toMatch(
      /version 8 [\s\S]*versions 0 to 7 are given up; 4 data files[\s\S]*gone +data\/a\.parquet[\s\S]*proved/,
    );
    expect(told).not.toContain('older versions still hold');
    const left = { ...purged, proof: [{ key: 'b', what: 'log entry', gone: false }] };
    expect(describeErased('guest.n', ERASE, { ...erased, purged: left }).join('\n')).toMatch(
      /still there +b[\s\S]*not gone +1 object still hold/,
    );
    expect([isProved(erased), isProved({ purged }), isProved({ purged: left })]).toEqual([true, true, false]);
  });

  it('tells what may come back', () => {
    const told = describeErased('guest.n', { kind: 'allow' }, { ...erased, listed: 1 });
    expect(told).toEqual([expect.stringContaining('1 id of 3 may come back; the list of erased ids has 9')]);
  });
});

describe('what was erased, for programs', () => {
  it('has the fields of a run and its own', () => {
    expect(eraseJson('guest.n', erased)).toMatchObject({
      schemaVersion: 1,
      table: 'guest.n',
      status: 'committed',
      version: 7,
      deleted: 2,
      ids: 3,
      onList: 9,
      purge: null,
      proof: [],
    });
    expect(eraseJson('guest.n', { ...erased, purged })).toMatchObject({
      status: 'purged',
      version: 8,
      purge: { givenUp: { from: 0, to: 7 }, dataFiles: 4 },
      proof: [{ object: 'data/a.parquet', what: 'data file', gone: true }],
    });
  });
});

describe('what would be erased', () => {
  const preview: ErasePreview = {
    version: 7,
    ids: 3,
    notFound: ['x'],
    listed: 2,
    rows: 2,
    partitions: 1,
    files: 1,
    bytes: 2000,
    quarantined: 1,
    purge: { givenUp: { from: 0, to: 7 }, files: 4, bytes: 5000, holders: [{ key: 'k', what: 'log entry' }] },
  };

  it('is told with what a purge would give up', () => {
    const told = describePreview('guest.n', ERASE, preview).join('\n');
    expect(told).toContain('would erase 2 rows of 3 ids, and 1 quarantined document  1 file of 1 partition rewritten');
    expect(told).toMatch(/would give up versions 0 to 7, and delete 4 data files[\s\S]*holds them +k/);
    expect(describePreview('guest.n', { kind: 'allow' }, preview)).toHaveLength(1);
    expect(previewJson('guest.n', preview)).toMatchObject({ status: 'dry-run', rows: 2, purge: { dataFiles: 4 } });
  });
});
