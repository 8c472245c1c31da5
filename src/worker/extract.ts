import { Readable } from 'node:stream';
import { jsonBody, readJson } from '../shared/documents.ts';
import { cursorPath, readCursor } from '../shared/domain/cursor.ts';
import type { Cut, KeyedHash } from '../shared/domain/cut.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import { partitionOf } from '../shared/domain/hash.ts';
import { idHash } from '../shared/domain/ids.ts';
import type { ExtractJob } from '../shared/domain/job.ts';
import { planKey, receiptKey, segmentKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { type FieldPolicy, fieldPolicies, projectionOf } from '../shared/domain/policy.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { emptySketch, type Sketch, sketchDocument, sketchToJson } from '../shared/domain/sketch.ts';
import { inScope } from '../shared/domain/window.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { RawBatch, Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { cutOf } from './policy.ts';
import { createShuffle, type Shuffle } from './shuffle.ts';

export interface ExtractContext {
  readonly storage: Storage;
  readonly source: Source;
  readonly clock: Clock;
  /** Makes the hashes of the column policy; `undefined` where no key is configured. */
  readonly keyed: KeyedHash | undefined;
  /** Bytes of documents held in memory before they are written. */
  readonly shuffleBytes: number;
}

/** What one pass over the source has seen so far. */
interface Pass {
  readonly sketch: Sketch;
  /** Leaves out what the column policy does not take: what a document is from here on. */
  readonly cut: Cut;
  readonly fields: FieldPolicy | undefined;
  documents: number;
  bytes: number;
  minCursor: bigint | undefined;
}

/**
 * Reads one range of the source once and shuffles it by partition into one segment, streamed: memory is bounded by `shuffleBytes`.
 * Leaves a receipt, or nothing that anyone will read: where another attempt's receipt is there first, this segment is deleted.
 */
export async function extract(job: ExtractJob, delivery: Delivery, context: ExtractContext): Promise<JobSummary> {
  const { storage, source, clock } = context;
  const started = clock.monotonic();
  const plan = await readJson<Plan>(storage, planKey(job.run));
  const range = plan.ranges[job.ordinal];
  if (range === undefined) throw new MongolakeError('INTERNAL', `run ${job.run} has no range ${job.ordinal}`);
  const attempt = clock.randomHex(6);
  const segment = segmentKey(job.run, job.ordinal, attempt);
  const pass: Pass = {
    sketch: emptySketch(),
    cut: cutOf(plan, context.keyed),
    fields: fieldPolicies(plan.columns),
    documents: 0,
    bytes: 0,
    minCursor: undefined,
  };
  const shuffle = createShuffle();
  const batches = source.read(range, delivery.signal, projectionOf(plan.columns, plan.cursorField));
  const packed = shuffled(batches, plan, pass, shuffle, context, delivery);
  const first = await packed.next();
  const empty = first.done === true;
  if (!empty)
    await storage.put(segment, Readable.from(prepended(first.value, packed), { objectMode: true }), delivery.signal);
  await delivery.progress({ done: pass.documents, bytes: pass.bytes });
  const receipt: ExtractReceipt = {
    kind: 'extract',
    run: job.run,
    ordinal: job.ordinal,
    attempt,
    segment,
    documents: pass.documents,
    bytes: pass.bytes,
    segmentBytes: shuffle.written,
    quarantined: 0,
    minCursor: pass.minCursor === undefined ? null : Number(pass.minCursor),
    partitions: shuffle.index,
    sketch: sketchToJson(pass.sketch),
    durationMs: Math.round(clock.monotonic() - started),
  };
  delivery.signal.throwIfAborted();
  const { written } = await storage.putIfAbsent(
    receiptKey(job.run, 'extract', job.ordinal),
    jsonBody(receipt),
    attempt,
  );
  if (!written && !empty) await storage.delete([segment]);
  return { rows: pass.documents, bytesRead: pass.bytes, bytesWritten: shuffle.written };
}

async function* prepended(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

async function* shuffled(
  batches: AsyncIterable<RawBatch>,
  plan: Plan,
  pass: Pass,
  shuffle: Shuffle,
  context: ExtractContext,
  delivery: Delivery,
): AsyncGenerator<Buffer> {
  const path = cursorPath(plan.cursorField);
  const progress = throttled(delivery, context.clock);
  for await (const batch of batches) {
    for (const at of batch.offsets) takeDocument(batch, at, plan, path, pass, shuffle, context.source.description);
    delivery.signal.throwIfAborted();
    await progress({ done: pass.documents, bytes: pass.bytes });
    if (shuffle.held >= context.shuffleBytes) yield* shuffle.flush();
  }
  yield* shuffle.flush();
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

function takeDocument(
  batch: RawBatch,
  at: number,
  plan: Plan,
  path: readonly string[],
  pass: Pass,
  shuffle: Shuffle,
  description: string,
): void {
  const { bytes } = batch;
  try {
    const cursor = readCursor(bytes, at, path);
    if (plan.sourceKind === 'dump' && !inScope(plan.scope, cursor)) return;
    const document = pass.cut(bytes, at);
    const id = sketchDocument(pass.sketch, document, 0, pass.fields);
    shuffle.add(partitionOf(idHash(document, id.type, id.at, id.end), plan.partitions), document, 0, document.length);
    pass.documents++;
    pass.bytes += bytes.readInt32LE(at);
    if (cursor !== undefined && (pass.minCursor === undefined || cursor < pass.minCursor)) pass.minCursor = cursor;
  } catch (error) {
    throw placed(error, batch, at, pass.documents, description);
  }
}

/** Says which document it was: the dump's byte, or how many were read before it. */
function placed(error: unknown, batch: RawBatch, at: number, before: number, description: string): MongolakeError {
  const known = asMongolakeError(error);
  const place =
    batch.position === undefined
      ? `document ${before + 1} of the read`
      : `the document at byte ${batch.position + at - (batch.offsets[0] ?? 0)}`;
  const hint = known.hint === undefined ? {} : { hint: known.hint };
  return new MongolakeError(known.code, `${description}, ${place}: ${known.message}`, { ...hint, cause: error });
}
