import { Readable } from 'node:stream';
import { pMapIterable } from 'p-map';
import { changeSource } from '../shared/change-source.ts';
import { crashPoint } from '../shared/crash-points.ts';
import { jsonBody } from '../shared/documents.ts';
import { bufferOf } from '../shared/domain/buffers.ts';
import type { KeyedHash } from '../shared/domain/cut.ts';
import type { ErasedIds } from '../shared/domain/erased.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { ExtractJob } from '../shared/domain/job.ts';
import { receiptKey, segmentKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { policyText, projectionOf } from '../shared/domain/policy.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { emptySketch, mergeSketch, type Sketch, sketchToJson } from '../shared/domain/sketch.ts';
import { readErased } from '../shared/erased-list.ts';
import { erasureSource, idSource } from '../shared/id-source.ts';
import { pacedSource } from '../shared/paced-source.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { RawBatch, Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { quarantineSource } from '../shared/quarantine-source.ts';
import { readPlan, type Understands } from './plan.ts';
import type { MergePool } from './pool.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { createSegment, type Segment } from './segment.ts';
import { type Rooms, slabsOf } from './slabs.ts';
import type { ShuffleOutcome, Slab } from './thread/shuffle.ts';

export interface ExtractContext {
  readonly storage: Storage;
  /** Opens the collection; not called where the run reads the table's own quarantine. */
  readonly openSource: () => Promise<Source>;
  readonly clock: Clock;
  readonly pool: Pick<MergePool, 'shuffle'>;
  /** Makes the hashes of the column policy; `undefined` where no key is configured. */
  readonly keyed: KeyedHash | undefined;
  /** Bytes of documents that are shuffled at once, by the number of partitions. */
  readonly slabBytes: (partitions: number) => number;
  readonly rooms: Rooms;
  /** Threads of the pool. */
  readonly concurrency: number;
  readonly understands: Understands;
}

/** One pass of one attempt over its range: where it puts documents, and what it has seen so far. */
interface Pass {
  readonly plan: Plan;
  readonly description: string;
  /** Whose documents are left out. */
  readonly erasedIds: ErasedIds | undefined;
  readonly sketch: Sketch;
  readonly segment: Segment;
  readonly quarantine: Quarantine;
  erased: number;
  documents: number;
  bytes: number;
  minCursor: number | undefined;
}

/**
 * Reads one range of the source once and shuffles it by partition, in threads, into one segment, streamed: memory is bounded by
 * `slabBytes`, whatever the range. A document that can't be stored is put aside. Leaves a receipt, or nothing that anyone will read: where another attempt's receipt is
 * there first, what this one wrote is deleted; where one is there already, nothing is read.
 */
export async function extract(job: ExtractJob, delivery: Delivery, context: ExtractContext): Promise<JobSummary> {
  const { storage, clock } = context;
  const started = clock.monotonic();
  const plan = await readPlan(job.run, storage, context.understands);
  const range = plan.ranges[job.ordinal];
  if (range === undefined) throw new MongolakeError('INTERNAL', `run ${job.run} has no range ${job.ordinal}`);
  const receipt = receiptKey(job.run, 'extract', job.ordinal);
  // The queue hands a job out again whose end it did not hear of.
  if ((await storage.get(receipt)) !== undefined) return { rows: 0, bytesRead: 0, bytesWritten: 0 };
  const erasedIds = await erasedFor(plan, storage);
  const opened = await sourceOf(plan, context);
  const source = pacedSource(opened, plan.limits?.documentsPerSecond, clock);
  crashPoint('extract-started');
  try {
    const attempt = clock.randomHex(6);
    const pass = startPass(plan, job, attempt, context, { description: source.description, erasedIds });
    const segment = segmentKey(job.run, job.ordinal, attempt);
    const projection = projectionOf(plan.columns, neededFields(plan));
    const batches = source.read(range, delivery.signal, projection, undefined, plan.readSince);
    const stored = await context.rooms.during(() => writeSegment(segment, batches, pass, delivery, context));
    crashPoint('segment-written');
    await delivery.progress({ done: pass.documents, bytes: pass.bytes });
    const durationMs = Math.round(clock.monotonic() - started);
    delivery.signal.throwIfAborted();
    const { written } = await storage.putIfAbsent(
      receipt,
      jsonBody(receiptOf(pass, job, attempt, segment, durationMs)),
      attempt,
    );
    crashPoint('extract-receipt-written');
    if (!written) await storage.delete([...(stored ? [segment] : []), ...pass.quarantine.staged]);
    return { rows: pass.documents, bytesRead: pass.bytes, bytesWritten: pass.segment.written };
  } finally {
    await source.close();
  }
}

/** Whose documents are left out; `undefined` where no id is erased, which costs nothing. */
async function erasedFor({ erased }: Plan, storage: Storage): Promise<ErasedIds | undefined> {
  const ids = erased === undefined ? undefined : await readErased(storage, erased);
  return ids === undefined || ids.digests.length === 0 ? undefined : ids;
}

/** What is read of documents, whatever the column policy takes of them. */
function neededFields({ cursor, deletedField }: Plan): readonly string[] {
  return [cursor.field, ...(deletedField === undefined ? [] : [deletedField])];
}

function sourceOf({ reads, namespace }: Plan, { storage, openSource }: ExtractContext): Source | Promise<Source> {
  switch (reads) {
    case 'source':
      return openSource();
    case 'quarantine':
      return quarantineSource(storage, namespace);
    case 'ids':
      return openSource().then((source) => idSource(storage, source));
    case 'changes':
      return openSource().then(changeSource);
    case 'erase':
      return erasureSource(storage, namespace);
  }
}

function startPass(
  plan: Plan,
  { run, ordinal }: ExtractJob,
  attempt: string,
  { storage, keyed }: ExtractContext,
  given: Pick<Pass, 'description' | 'erasedIds'>,
): Pass {
  return {
    plan,
    ...given,
    sketch: emptySketch(),
    segment: createSegment(),
    quarantine: createQuarantine({
      storage,
      run,
      ordinal,
      attempt,
      most: plan.maxQuarantined,
      policy: policyText(plan.columns),
      keyed,
    }),
    erased: 0,
    documents: 0,
    bytes: 0,
    minCursor: undefined,
  };
}

function receiptOf(
  pass: Pass,
  { run, ordinal }: ExtractJob,
  attempt: string,
  segment: string,
  durationMs: number,
): ExtractReceipt {
  return {
    kind: 'extract',
    run,
    ordinal,
    attempt,
    segment,
    documents: pass.documents,
    bytes: pass.bytes,
    segmentBytes: pass.segment.written,
    quarantine: pass.quarantine.documents,
    erased: pass.erased,
    minCursor: pass.minCursor ?? null,
    partitions: pass.segment.index,
    sketch: sketchToJson(pass.sketch),
    durationMs,
  };
}

/** Streams all that can be stored into the segment; false where there is nothing, and so no segment. */
async function writeSegment(
  segment: string,
  batches: AsyncIterable<RawBatch>,
  pass: Pass,
  delivery: Delivery,
  context: ExtractContext,
): Promise<boolean> {
  const packed = shuffled(batches, pass, context, delivery);
  const first = await packed.next();
  if (first.done === true) return false;
  const body = Readable.from(prepended(first.value, packed), { objectMode: true });
  await context.storage.put(segment, body, delivery.signal);
  return true;
}

async function* prepended(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** Slabs of one job that are shuffled at once: one thread reads no faster than so many shuffle. */
const MOST_SLABS_AT_ONCE = 4;
/** Packed bytes after which what is held is written. */
const FLUSH_BYTES = 32 * 1024 * 1024;

async function* shuffled(
  batches: AsyncIterable<RawBatch>,
  pass: Pass,
  context: ExtractContext,
  delivery: Delivery,
): AsyncGenerator<Buffer> {
  const { clock, pool, keyed, slabBytes, rooms } = context;
  const concurrency = Math.min(context.concurrency, MOST_SLABS_AT_ONCE);
  const { plan, segment, quarantine, description: source, erasedIds: erased } = pass;
  const progress = throttled(delivery, clock);
  const tell = () => progress({ done: pass.documents, bytes: pass.bytes });
  const slabs = slabsOf(told(batches, tell), slabBytes(plan.partitions), rooms);
  const shuffle = async (slab: Slab) => {
    const outcome = await pool.shuffle({ plan, hashKey: keyed?.key, erased, slab, source }, delivery.signal);
    rooms.give(slab.room);
    return outcome;
  };
  for await (const outcome of pMapIterable(slabs, shuffle, { concurrency, backpressure: concurrency })) {
    take(outcome, pass);
    await quarantine.write();
    delivery.signal.throwIfAborted();
    await tell();
    if (segment.held >= FLUSH_BYTES) yield* segment.flush();
  }
  yield* segment.flush();
}

/** The batches, each a sign of life: where they come slowly, a slab takes long to fill. */
async function* told(
  batches: AsyncIterable<RawBatch>,
  tell: () => Promise<void>,
): AsyncGenerator<RawBatch, void, void> {
  for await (const batch of batches) {
    await tell();
    yield batch;
  }
}

/** Adds what was done with a slab, in the order in which slabs were read. */
function take({ documents, bytes, minCursor, blocks, sketch, broken, erased }: ShuffleOutcome, pass: Pass): void {
  for (const { document, reason, place, form } of broken) {
    pass.quarantine.add(bufferOf(document), reason, place, form);
  }
  pass.segment.add(blocks);
  mergeSketch(pass.sketch, sketch);
  pass.erased += erased;
  pass.documents += documents;
  pass.bytes += bytes;
  if (minCursor !== undefined) pass.minCursor = Math.min(pass.minCursor ?? minCursor, minCursor);
}

/** Each call reaches the queue's server, so few are made. */
const PROGRESS_MS = 500;

function throttled(delivery: Delivery, clock: Clock): Delivery['progress'] {
  let next = Number.NEGATIVE_INFINITY;
  return async (value) => {
    if (clock.monotonic() < next) return;
    next = clock.monotonic() + PROGRESS_MS;
    await delivery.progress(value);
  };
}
