import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'bson';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { jsonBody, readJson } from '../../src/shared/documents.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { foldSchema } from '../../src/shared/domain/fold.ts';
import type { Job } from '../../src/shared/domain/job.ts';
import { mergeInputKey, planKey, receiptKey, schemaKey } from '../../src/shared/domain/keys.ts';
import type { ExtractReceipt, MergeReceipt } from '../../src/shared/domain/receipt.ts';
import { sketchFromJson } from '../../src/shared/domain/sketch.ts';
import type { JobResult, JobSummary } from '../../src/shared/ports/metrics.ts';
import type { Delivery, JobProgress, Queue } from '../../src/shared/ports/queue.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { shuffle } from '../../src/worker/thread/shuffle.ts';
import { compact, compare, locate, merge, rewrite } from '../../src/worker/thread/task.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { silent } from '../coordinator/table-harness.ts';

const RUN = 'run';
const BASE = { pipeline: 'guest', collection: 'a', run: RUN, priority: 1 };
const EXTRACT: Job = { ...BASE, kind: 'extract', id: 'run-extract-0', ordinal: 0 };
const MERGE: Job = { ...BASE, kind: 'merge', id: 'run-merge-0', partition: 0 };
const DOCUMENTS = Array.from({ length: 20 }, (_, _id) => Buffer.from(serialize({ _id, updateTime: new Date(_id) })));
const BYTES = DOCUMENTS.reduce((sum, document) => sum + document.length, 0);

interface Ended {
  readonly kind: Job['kind'];
  readonly result: JobResult;
  readonly summary: JobSummary | undefined;
}

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mongolake-worker-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A worker over memory storage whose deliveries the test makes; `read` is what its source gives. */
async function worker(read: Source['read'] = allDocuments) {
  const clock = systemClock();
  const storage = memoryStorage('memory:table', clock);
  const ended: Ended[] = [];
  let running = 0;
  let handler: (delivery: Delivery) => Promise<void> = async () => {};
  const queue = {
    consume: async (taken: typeof handler) => {
      handler = taken;
    },
  } as unknown as Queue;
  await startWorker({
    queue,
    clock,
    logger: silent,
    scratch,
    slabBytes: () => 1e6,
    understands: (version) => version === '1.2.3',
    concurrency: 1,
    pool: {
      merge: (task) => merge({ ...task, memoryBytes: 256e6 }),
      rewrite: (task) => rewrite({ ...task, memoryBytes: 256e6 }),
      compact: (task) => compact({ ...task, memoryBytes: 256e6 }),
      compare: (task) => compare({ ...task, memoryBytes: 256e6 }),
      locate: async (task) => locate(task),
      shuffle: async (task) => shuffle(task),
      close: async () => {},
    },
    open: async () => ({
      storage,
      openSource: async () => ({ description: 'fake', read, close: async () => {} }) as unknown as Source,
    }),
    metrics: {
      jobStarted: () => running++,
      jobEnded(kind, result, durationMs, summary) {
        running--;
        expect(durationMs).toBeGreaterThanOrEqual(0);
        ended.push({ kind, result, summary });
      },
    },
  });
  const { signal: never } = new AbortController();
  const deliverTo = (job: Job, hear: (value: JobProgress) => void, signal = never) =>
    handler({ job, attempt: 1, signal, progress: async (value) => hear(value) });
  const deliver = async (job: Job, signal?: AbortSignal) => {
    const progress: JobProgress[] = [];
    await deliverTo(job, (value) => progress.push(value), signal);
    return progress;
  };
  await storage.put(planKey(RUN), jsonBody(PLAN));
  return { storage, ended, deliver, deliverTo, running: () => running };
}

const PLAN = {
  run: RUN,
  engineVersion: '1.2.3',
  scope: { kind: 'full' },
  cursor: { field: 'updateTime', type: 'date' },
  partitions: 1,
  ranges: [{ scope: { kind: 'full' }, part: null }],
  rewrite: null,
  sourceKind: 'live',
  keepRows: 'none',
  maxQuarantined: 10,
  reads: 'source',
  engine: 'duckdb',
  write: { targetFileSize: 1e6, rowGroupSize: 2048, compression: 'zstd', compressionLevel: 1 },
};

/** Leaves what the merge of an extract job's documents needs, into no table. */
async function stageMerge(storage: Storage, extracted: ExtractReceipt): Promise<void> {
  const section = { segment: extracted.segment, ordinal: 0, chunks: extracted.partitions['0'] ?? [] };
  const schema = foldSchema(undefined, sketchFromJson(extracted.sketch));
  await storage.put(schemaKey(RUN), jsonBody({ run: RUN, schema }));
  await storage.put(mergeInputKey(RUN, 0), jsonBody({ partition: 0, documents: 20, sections: [section], base: [] }));
}

async function* allDocuments() {
  for (const bytes of DOCUMENTS) yield { bytes, offsets: [0] };
}

test('a job that is done tells what it handled, and its last progress is the whole of it', async () => {
  const { storage, ended, deliver, running } = await worker();
  expect((await deliver(EXTRACT)).at(-1)).toEqual({ done: 20, bytes: BYTES });
  const extracted = await readJson<ExtractReceipt>(storage, receiptKey(RUN, 'extract', 0));
  expect(ended).toEqual([
    { kind: 'extract', result: 'done', summary: { rows: 20, bytesRead: BYTES, bytesWritten: extracted.segmentBytes } },
  ]);

  await stageMerge(storage, extracted);
  expect((await deliver(MERGE)).at(-1)).toEqual({ done: 20, bytes: extracted.segmentBytes });
  const merged = await readJson<MergeReceipt>(storage, receiptKey(RUN, 'merge', 0));
  expect(merged.bytesWritten).toBeGreaterThan(0);
  expect(ended[1]).toEqual({
    kind: 'merge',
    result: 'done',
    summary: { rows: 20, bytesRead: extracted.segmentBytes, bytesWritten: merged.bytesWritten },
  });
  expect(running()).toBe(0);
  expect(readdirSync(scratch)).toEqual([]);
});

test('an attempt that finds the receipt of another deletes what it put aside', async () => {
  const broken = Buffer.from(serialize({ a: 1 }));
  let overtaken = false;
  const { storage, deliver } = await worker(async function* () {
    if (!overtaken) {
      overtaken = true;
      await deliver(EXTRACT);
    }
    yield { bytes: Buffer.concat([broken, DOCUMENTS[0] as Buffer]), offsets: [0, broken.length] };
  });
  const staged = async () => {
    const keys = [];
    for await (const { key } of storage.list('_mongolake/runs/run/')) if (key.endsWith('.bson')) keys.push(key);
    return keys;
  };
  await deliver(EXTRACT);
  const { documents, quarantine, attempt } = await readJson<ExtractReceipt>(storage, receiptKey(RUN, 'extract', 0));
  expect(documents).toBe(2);
  expect(quarantine).toMatchObject([{ id: null, reason: 'a document without _id', bytes: broken.length }]);
  expect(await staged()).toEqual([`_mongolake/runs/run/quarantine/000000-${attempt}-0.bson`]);
});

test('a reading tells that it goes on before there is enough to be shuffled', async () => {
  const told: number[] = [];
  const { ended, deliverTo } = await worker(async function* () {
    yield { bytes: DOCUMENTS[0] as Buffer, offsets: [0] };
    told.push(-1);
    yield { bytes: DOCUMENTS[1] as Buffer, offsets: [0] };
  });
  await deliverTo(EXTRACT, ({ done }) => void told.push(done));
  // How often after that is a matter of time.
  expect([...told.slice(0, 2), told.at(-1)]).toEqual([0, -1, 2]);
  expect(ended).toHaveLength(1);
});

test('a range that has its receipt is not read again', async () => {
  let reads = 0;
  const { ended, deliver } = await worker(async function* () {
    reads++;
    yield* allDocuments();
  });
  await deliver(EXTRACT);
  await deliver(EXTRACT);
  expect(reads).toBe(1);
  expect(ended.map(({ result, summary }) => [result, summary?.rows])).toEqual([
    ['done', 20],
    ['done', 0],
  ]);
});

test('a partition that has its receipt is not merged again', async () => {
  const { storage, ended, deliver } = await worker();
  await deliver(EXTRACT);
  await stageMerge(storage, await readJson<ExtractReceipt>(storage, receiptKey(RUN, 'extract', 0)));
  await deliver(MERGE);
  expect(await deliver(MERGE)).toEqual([]);
  expect(ended.slice(1).map(({ result, summary }) => [result, summary?.rows, summary?.bytesWritten === 0])).toEqual([
    ['done', 20, false],
    ['done', 0, true],
  ]);
});

test('a job that fails, and one that is handed back, are told apart; both reject', async () => {
  const stop = new AbortController();
  let stopped = false;
  const { ended, deliver, running } = await worker(async function* () {
    yield { bytes: DOCUMENTS[0] as Buffer, offsets: [0] };
    if (!stopped) throw new MongolakeError('SOURCE_UNREACHABLE', 'gone');
    stop.abort(new MongolakeError('INTERRUPTED', 'the worker stops'));
    yield { bytes: DOCUMENTS[1] as Buffer, offsets: [0] };
  });
  await expect(deliver(EXTRACT)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  stopped = true;
  await expect(deliver(EXTRACT, stop.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(ended).toEqual([
    { kind: 'extract', result: 'failed', summary: undefined },
    { kind: 'extract', result: 'handed_back', summary: undefined },
  ]);
  expect(running()).toBe(0);
});

test('a job of a run that another version planned is not worked on', async () => {
  const { storage, ended, deliver } = await worker();
  await storage.put(planKey(RUN), jsonBody({ ...PLAN, engineVersion: '1.3.0' }));
  await storage.put(schemaKey(RUN), jsonBody({}));
  await storage.put(mergeInputKey(RUN, 0), jsonBody({}));
  for (const job of [EXTRACT, MERGE])
    await expect(deliver(job)).rejects.toMatchObject({
      code: 'WORKER_VERSION',
      message: 'mongolake 1.3.0 planned run run, and this worker is of another version',
      retryable: true,
    });
  expect(ended.map(({ result }) => result)).toEqual(['other_version', 'other_version']);
});
