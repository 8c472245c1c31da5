import { Readable } from 'node:stream';
import { crashPoint } from '../shared/crash-points.ts';
import { jsonBody, readJson } from '../shared/documents.ts';
import { isBroken } from '../shared/domain/bson.ts';
import { type CursorReader, cursorReader } from '../shared/domain/cursor.ts';
import type { Cut, KeyedHash } from '../shared/domain/cut.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import { partitionOf } from '../shared/domain/hash.ts';
import { idHash } from '../shared/domain/ids.ts';
import type { ExtractJob } from '../shared/domain/job.ts';
import { planKey, receiptKey, segmentKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { type FieldPolicy, fieldPolicies, hidesValues, policyText, projectionOf } from '../shared/domain/policy.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { emptySketch, type Sketch, sketchDocument, sketchToJson } from '../shared/domain/sketch.ts';
import { inScope } from '../shared/domain/window.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { RawBatch, Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { quarantineSource } from '../shared/quarantine-source.ts';
import { cutOf } from './policy.ts';
import { createQuarantine, type Form, type Quarantine } from './quarantine.ts';
import { createShuffle, type Shuffle } from './shuffle.ts';

export interface ExtractContext {
  readonly storage: Storage;
  /** Opens the collection; not called where the run reads the table's own quarantine. */
  readonly openSource: () => Promise<Source>;
  readonly clock: Clock;
  /** Makes the hashes of the column policy; `undefined` where no key is configured. */
  readonly keyed: KeyedHash | undefined;
  /** Bytes of documents held in memory before they are written. */
  readonly shuffleBytes: number;
}

/** One pass of one attempt over its range: where it puts documents, and what it has seen so far. */
interface Pass {
  readonly plan: Plan;
  readonly readCursor: CursorReader;
  readonly description: string;
  readonly sketch: Sketch;
  readonly shuffle: Shuffle;
  readonly quarantine: Quarantine;
  /** Leaves out what the column policy does not take: what a document is from here on. */
  readonly cut: Cut;
  readonly fields: FieldPolicy | undefined;
  documents: number;
  bytes: number;
  minCursor: bigint | undefined;
}

/**
 * Reads one range of the source once and shuffles it by partition into one segment, streamed: memory is bounded by `shuffleBytes`.
 * A document that can't be stored is put aside. Leaves a receipt, or nothing that anyone will read: where another attempt's receipt is
 * there first, what this one wrote is deleted.
 */
export async function extract(job: ExtractJob, delivery: Delivery, context: ExtractContext): Promise<JobSummary> {
  const { storage, clock } = context;
  const started = clock.monotonic();
  const plan = await readJson<Plan>(storage, planKey(job.run));
  const range = plan.ranges[job.ordinal];
  if (range === undefined) throw new MongolakeError('INTERNAL', `run ${job.run} has no range ${job.ordinal}`);
  const source = plan.reads === 'quarantine' ? quarantineSource(storage, plan.namespace) : await context.openSource();
  crashPoint('extract-started');
  try {
    const attempt = clock.randomHex(6);
    const pass = startPass(plan, job, attempt, context, source.description);
    const segment = segmentKey(job.run, job.ordinal, attempt);
    const batches = source.read(range, delivery.signal, projectionOf(plan.columns, plan.cursor.field));
    const stored = await writeSegment(segment, batches, pass, delivery, context);
    crashPoint('segment-written');
    await delivery.progress({ done: pass.documents, bytes: pass.bytes });
    const durationMs = Math.round(clock.monotonic() - started);
    delivery.signal.throwIfAborted();
    const { written } = await storage.putIfAbsent(
      receiptKey(job.run, 'extract', job.ordinal),
      jsonBody(receiptOf(pass, job, attempt, segment, durationMs)),
      attempt,
    );
    crashPoint('extract-receipt-written');
    if (!written) await storage.delete([...(stored ? [segment] : []), ...pass.quarantine.staged]);
    return { rows: pass.documents, bytesRead: pass.bytes, bytesWritten: pass.shuffle.written };
  } finally {
    await source.close();
  }
}

function startPass(
  plan: Plan,
  { run, ordinal }: ExtractJob,
  attempt: string,
  { storage, keyed }: ExtractContext,
  description: string,
): Pass {
  return {
    plan,
    readCursor: cursorReader(plan.cursor),
    description,
    sketch: emptySketch(),
    shuffle: createShuffle(),
    quarantine: createQuarantine({
      storage,
      run,
      ordinal,
      attempt,
      most: plan.maxQuarantined,
      policy: policyText(plan.columns),
      keyed,
    }),
    cut: cutOf(plan, keyed),
    fields: fieldPolicies(plan.columns),
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
    segmentBytes: pass.shuffle.written,
    quarantine: pass.quarantine.documents,
    minCursor: pass.minCursor === undefined ? null : Number(pass.minCursor),
    partitions: pass.shuffle.index,
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

async function* shuffled(
  batches: AsyncIterable<RawBatch>,
  pass: Pass,
  { clock, shuffleBytes }: ExtractContext,
  delivery: Delivery,
): AsyncGenerator<Buffer> {
  const { shuffle, quarantine } = pass;
  const progress = throttled(delivery, clock);
  for await (const batch of batches) {
    for (const at of batch.offsets) takeDocument(batch, at, pass);
    await quarantine.write();
    delivery.signal.throwIfAborted();
    await progress({ done: pass.documents, bytes: pass.bytes });
    if (shuffle.held >= shuffleBytes) yield* shuffle.flush();
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

/** Puts one document of the scope into its partition, or aside. */
function takeDocument(batch: RawBatch, at: number, pass: Pass): void {
  const { bytes } = batch;
  const length = bytes.readInt32LE(at);
  let document: Buffer | undefined;
  try {
    if (!readScope(bytes, at, pass)) return;
    document = pass.cut(bytes, at);
    const id = sketchDocument(pass.sketch, document, 0, pass.fields);
    const partition = partitionOf(idHash(document, id.type, id.at, id.end), pass.plan.partitions);
    pass.shuffle.add(partition, document, 0, document.length);
  } catch (error) {
    const place = placeOf(batch, at, pass);
    if (!isBroken(error)) throw placed(error, place);
    pass.quarantine.add(document ?? bytes.subarray(at, at + length), error, place, formOf(pass.plan, document));
  }
  pass.documents++;
  pass.bytes += length;
}

/** `cut` is what the column policy left of the document; `undefined` where it could not be applied. */
function formOf({ columns }: Plan, cut: Buffer | undefined): Form {
  if (!hidesValues(columns)) return 'whole';
  if (cut === undefined) return 'hidden';
  return columns?.hash === undefined ? 'cut' : 'hashed';
}

/**
 * True where the document belongs to the scope. Throws `DOCUMENT_BROKEN` where its cursor can't be read: such a document belongs to
 * every scope, or nobody would ever hear of it.
 */
function readScope(bytes: Buffer, at: number, pass: Pass): boolean {
  const { plan } = pass;
  const cursor = pass.readCursor(bytes, at);
  if (plan.sourceKind === 'dump' && !inScope(plan.scope, cursor)) return false;
  if (cursor !== undefined && (pass.minCursor === undefined || cursor < pass.minCursor)) pass.minCursor = cursor;
  return true;
}

/** Says which document it is: the dump's byte, or how many were read before it. */
function placeOf({ position, offsets }: RawBatch, at: number, { documents, description }: Pass): string {
  if (position === undefined) return `document ${documents + 1} read of ${description}`;
  return `byte ${position + at - (offsets[0] ?? 0)} of ${description}`;
}

function placed(error: unknown, place: string): MongolakeError {
  const { code, message, hint } = asMongolakeError(error);
  return new MongolakeError(code, `${place}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause: error });
}
