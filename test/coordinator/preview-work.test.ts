import { afterEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../src/coordinator/history.ts';
import { previewRun } from '../../src/coordinator/preview.ts';
import { previewErasure } from '../../src/coordinator/preview-erase.ts';
import { previewCompaction, previewRepartition } from '../../src/coordinator/preview-rewrite.ts';
import { isVerificationDue, previewVerification } from '../../src/coordinator/preview-verify.ts';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import type { Verification } from '../../src/coordinator/verification.ts';
import type { Work } from '../../src/coordinator/work.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { erase } from './erase-house.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const COUNT = 20_000;
const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`;
const SMALL = { partitions: 2, targetFileSize: 20_000, rowGroupSize: 2048 } as const;
const LARGE = { settings: { ...SETTINGS, targetFileSize: 5_000_000 } };

let table: Harness;
afterEach(() => table.close());

async function loaded(): Promise<void> {
  table = harness({ now: NOW });
  table.collection.documents = documents();
  await table.sync({}, SMALL);
}

const documents = () =>
  Array.from({ length: COUNT }, (_, n) => ({ _id: n, noise: noise(n), updateTime: new Date(NOW - 3_600_000) }));

/** What is previewed must leave nothing, and read no document. */
async function previewed(preview: (storage: Harness['storage'], source: Source) => Promise<Work>): Promise<Work> {
  const { storage, source } = table.previewContext;
  const before = await table.keys('');
  let reads = 0;
  table.collection.onRead = () => {
    reads += 1;
  };
  const work = await preview(storage, source);
  expect(await table.keys('')).toEqual(before);
  expect(reads).toBe(0);
  table.collection.onRead = () => {};
  return work;
}

const compaction = () => previewed((storage, source) => previewCompaction(LARGE, storage, source));
const repartition = (partitions: number) =>
  previewed((storage, source) => previewRepartition({ ...LARGE, layout: { partitions } }, storage, source));
const verification = (isDeep = false, sample = 1) =>
  previewed((storage, source) =>
    previewVerification({ settings: SETTINGS, columns: undefined, isDeep, sample }, { storage, source }),
  );

async function sizes(): Promise<{ readonly files: number; readonly fileBytes: number }> {
  const files = filesOf(await openState(table.storage));
  return { files: files.length, fileBytes: files.reduce((sum, { size }) => sum + size, 0) };
}

describe('of a compaction', () => {
  it('it tells what the compaction then does, and that there is nothing more', async () => {
    await loaded();
    const before = await sizes();
    const work = await compaction();
    expect(work).toMatchObject({
      kind: 'compact',
      version: 0,
      isDue: true,
      reads: { documents: 0, ...before },
      writes: { files: 2 },
      touches: { partitions: 2, of: 2, readJobs: 0, partitionJobs: 2 },
      duration: { runs: 0 },
    });
    expect(await table.compact(LARGE.settings)).toMatchObject({
      filesRemoved: work.reads.files,
      bytesRead: work.reads.fileBytes,
      filesAdded: work.writes.files,
      partitionsTouched: work.touches.partitions,
    });
    expect(await compaction()).toMatchObject({ version: 1, isDue: false, reads: { files: 0 }, duration: { ms: 0 } });
  });

  it('it tells of several new files in a partition', async () => {
    await loaded();
    const largest = Math.max(...filesOf(await openState(table.storage)).map(({ size }) => size));
    const settings = { ...SETTINGS, targetFileSize: 2.2 * largest };
    const work = await previewed((storage, source) => previewCompaction({ settings }, storage, source));
    expect(work.writes.files).toBeGreaterThan(2);
    expect(await table.compact(settings)).toMatchObject({ filesAdded: work.writes.files });
  });

  it('without a table there is nothing to tell', async () => {
    table = harness({ now: NOW });
    await expect(compaction()).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    await expect(repartition(4)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    await expect(verification()).rejects.toMatchObject({ code: 'TABLE_MISSING' });
  });
});

describe('of a repartition', () => {
  it('it tells of all files, and of nothing where the number is the same', async () => {
    await loaded();
    expect(await repartition(8)).toMatchObject({
      kind: 'repartition',
      isDue: true,
      reads: await sizes(),
      writes: { files: 8, bytes: (await sizes()).fileBytes },
      touches: { partitions: 2, of: 8, partitionJobs: 2 },
    });
    expect(await repartition(1)).toMatchObject({
      isDue: true,
      writes: { files: 1 },
      touches: { partitions: 1, of: 1 },
    });
    expect(await repartition(2)).toMatchObject({ isDue: false, reads: { files: 0 }, writes: { files: 0 } });
  });

  it('reckons by what the last rewrites of the table took, and a sync by its readings', async () => {
    table = harness({ now: NOW, wrap: slow });
    table.collection.documents = documents();
    await table.sync({}, SMALL);
    await table.compact(LARGE.settings);
    // Each of its two jobs took a minute.
    const first = await repartition(8);
    expect(first.duration).toMatchObject({ runs: 1 });
    const { bytesRemoved = 0 } = (await readHistory(table.storage, 1))[0] ?? {};
    expect(first.duration.ms).toBe(Math.round((first.reads.fileBytes / bytesRemoved) * 120_000));
    const request = { mode: 'sync', from: null, to: null, replace: false, settings: SETTINGS } as const;
    table.collection.documents = documents().slice(0, COUNT / 2);
    const { duration } = await previewRun(request, table.previewContext);
    expect(duration).toEqual({ ms: 60_000, runs: 1 });
  });
});

describe('of an erasure', () => {
  const erasure = (ids: readonly string[], purges = false) =>
    previewed((storage, source) =>
      previewErasure(
        { ids: ids.map((text) => ({ text, where: '--id' })), purges, keyed: undefined },
        { storage, source },
      ),
    );

  it('it tells of the files into whose ranges the ids fall; with a purge of all that may ever have held them', async () => {
    await loaded();
    const { files, fileBytes } = await sizes();
    const one = await erasure(['7']);
    expect(one).toMatchObject({ kind: 'erase', isDue: true, touches: { partitions: 1, of: 2, partitionJobs: 1 } });
    expect([one.reads.files, one.writes.files]).toEqual([1, 1]);
    expect(one.reads.fileBytes).toBeLessThan(fileBytes);
    // Each id is in one of the two partitions.
    const some = await erasure(Array.from({ length: 40 }, (_, n) => String(n * 500)));
    expect(some.touches.partitions).toBe(2);
    expect(some.reads.files).toBeGreaterThan(2);
    const purge = await erasure(['7', '8', '9', '10'], true);
    expect(purge.reads.files).toBeGreaterThan(files);
    expect(purge.notes.join()).toContain('versions 0 to 0 would be given up');
  });

  it('there is nothing to do for ids that are on the list; what is no id is refused', async () => {
    await loaded();
    await erase(table, ['7'], {}, SMALL);
    expect(await erasure(['7'])).toMatchObject({ isDue: false });
    expect(await erasure(['7'], true)).toMatchObject({ isDue: true });
    expect(await erasure(['7', '8'])).toMatchObject({ isDue: true });
    await expect(erasure(['seven'])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

/** A store beside which each merge job takes a minute. */
function slow(storage: Storage): Storage {
  return {
    ...storage,
    putIfAbsent(key, ...rest) {
      if (key.includes('/merge-')) table.collection.now += 60_000;
      return storage.putIfAbsent(key, ...rest);
    },
  };
}

describe('of a verification', () => {
  it('it tells of the whole table and source, deep or not', async () => {
    await loaded();
    expect(await verification()).toMatchObject({
      kind: 'verify',
      isDue: true,
      reads: { documents: COUNT, documentBytes: undefined, ...(await sizes()) },
      writes: { files: 0, bytes: 0 },
      touches: { partitions: 2, of: 2, readJobs: 1, partitionJobs: 2 },
      notes: ['the table was never verified'],
    });
    const [shallow, deep] = [await verification(), await verification(true)];
    expect(deep.duration.ms).toBeGreaterThan(shallow.duration.ms ?? Number.POSITIVE_INFINITY);
  });

  it('of a sample it tells of whole ranges, one at least', async () => {
    await loaded();
    table.collection.ranges = 4;
    expect(await verification(false, 0.5)).toMatchObject({ reads: { documents: COUNT / 2 }, touches: { readJobs: 2 } });
    expect(await verification(false, 0.01)).toMatchObject({
      reads: { documents: COUNT / 4 },
      touches: { readJobs: 1 },
    });
  });

  it('is due until the newest version was compared, and reckons by that', async () => {
    await loaded();
    await table.verify();
    const work = await verification();
    expect(work).toMatchObject({ isDue: false, duration: { runs: 1 } });
    expect(work.notes[0]).toMatch(/^last verified at 2026-03-01T12:00:00.000Z, by its cursors: version 0$/);
    expect(await verification(true)).toMatchObject({ isDue: true, duration: { runs: 0 } });
    table.collection.documents.push({ _id: COUNT, updateTime: new Date(NOW) });
    await table.sync({}, SMALL);
    const later = await verification();
    expect(later.isDue).toBe(true);
    expect(later.notes[0]).toMatch(/version 0, the newest is 1$/);
  });
});

it('a verification is due unless the newest version was compared in that way, or made by its repair', () => {
  const last = { version: 4, isDeep: false, repairedIn: null } as Verification;
  const now = { version: 4 };
  expect(isVerificationDue(undefined, now, false)).toBe(true);
  expect(isVerificationDue(last, now, false)).toBe(false);
  expect(isVerificationDue(last, now, true)).toBe(true);
  expect(isVerificationDue({ ...last, isDeep: true }, now, true)).toBe(false);
  expect(isVerificationDue(last, { version: 5 }, false)).toBe(true);
  expect(isVerificationDue({ ...last, repairedIn: 5 }, { version: 5 }, false)).toBe(false);
  expect(isVerificationDue({ ...last, repairedIn: 5 }, { version: 6 }, false)).toBe(true);
});
