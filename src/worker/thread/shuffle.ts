import { findElement, isBroken, unlessBroken } from '../../shared/domain/bson.ts';
import { bufferOf } from '../../shared/domain/buffers.ts';
import { type CursorReader, cursorNumber, cursorPath, cursorReader } from '../../shared/domain/cursor.ts';
import type { Cut } from '../../shared/domain/cut.ts';
import { asMongolakeError, MongolakeError } from '../../shared/domain/errors.ts';
import { partitionOf } from '../../shared/domain/hash.ts';
import { idHash } from '../../shared/domain/ids.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import type { Plan } from '../../shared/domain/plan.ts';
import { fieldPolicies, hidesValues } from '../../shared/domain/policy.ts';
import type { Form } from '../../shared/domain/quarantine.ts';
import type { Sketch } from '../../shared/domain/sketch.ts';
import { createSketcher, type Sketcher } from '../../shared/domain/sketcher.ts';
import { inScope } from '../../shared/domain/window.ts';
import { keyedHash } from '../../shared/keyed-hash.ts';
import { pack } from '../../shared/packing.ts';
import { cutOf } from './policy.ts';

/** Documents on their way to their partitions. */
export interface ShuffleTask {
  readonly plan: Pick<Plan, 'partitions' | 'cursor' | 'scope' | 'sourceKind' | 'columns'>;
  /** Of the column policy's hashes; `undefined` where none is configured. */
  readonly hashKey: string | undefined;
  /** Whole documents back to back, in the order read. */
  readonly batches: readonly SlabBatch[];
  /** Documents that were read before these. */
  readonly before: number;
  /** What they are read from, for messages. */
  readonly source: string;
}

export interface SlabBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As in `RawBatch`. */
  readonly position: number | undefined;
}

/** One partition's documents, packed. */
export interface PackedBlock {
  readonly partition: number;
  readonly packed: Uint8Array;
  readonly rawLength: number;
  readonly documents: number;
}

/** A document that can't be stored. */
export interface BrokenDocument {
  /** As far as the column policy could be applied. */
  readonly document: Uint8Array;
  readonly form: Form;
  readonly reason: string;
  readonly place: string;
}

export interface ShuffleOutcome {
  /** Documents of the scope, and their bytes. */
  readonly documents: number;
  readonly bytes: number;
  /** Smallest cursor value, epoch milliseconds. */
  readonly minCursor: number | undefined;
  /** By partition, ascending. */
  readonly blocks: readonly PackedBlock[];
  readonly sketch: Sketch;
  readonly broken: readonly BrokenDocument[];
}

/** Cuts, checks, sketches and packs documents by partition. */
export function shuffle(task: ShuffleTask): ShuffleOutcome {
  const pass = startPass(task);
  let before = task.before;
  for (const { bytes, position } of task.batches) {
    before += takeBatch(bufferOf(bytes), pass, (at, documents) =>
      placeOf(task.source, position === undefined ? undefined : position + at, before + documents),
    );
  }
  const { documents, bytes, minCursor, broken } = pass;
  return { documents, bytes, minCursor, broken, sketch: pass.sketcher.sketch(), blocks: packed(pass) };
}

/** One partition's documents so far. */
interface Bucket {
  bytes: Buffer;
  length: number;
  documents: number;
}

interface Pass {
  readonly plan: ShuffleTask['plan'];
  readonly readCursor: CursorReader;
  /** Whether the scope is held here: a server has done so itself. */
  readonly isFiltered: boolean;
  readonly sketcher: Sketcher;
  /** Leaves out what the column policy does not take: what a document is from here on. */
  readonly cut: Cut | undefined;
  readonly buckets: (Bucket | undefined)[];
  /** Bytes that a bucket begins with. */
  readonly bucketBytes: number;
  readonly broken: BrokenDocument[];
  documents: number;
  bytes: number;
  minCursor: number | undefined;
}

const LEAST_BUCKET_BYTES = 4096;

function startPass({ plan, hashKey, batches }: ShuffleTask): Pass {
  const total = batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    plan,
    readCursor: cursorReader(plan.cursor),
    isFiltered: plan.sourceKind === 'dump' && plan.scope.kind !== 'full',
    sketcher: createSketcher(fieldPolicies(plan.columns), cursorPath(plan.cursor)),
    cut: cutOf(plan, hashKey === undefined ? undefined : keyedHash(hashKey)),
    buckets: new Array(plan.partitions),
    bucketBytes: Math.max(Math.ceil((total / plan.partitions) * 1.25), LEAST_BUCKET_BYTES),
    broken: [],
    documents: 0,
    bytes: 0,
    minCursor: undefined,
  };
}

/** Says where a document is by its offset in its batch and the number of those before it there. */
type PlaceOf = (at: number, documents: number) => string;

/**
 * Takes whole documents back to back; returns how many. A loop of its own: V8 throws away what it has optimized of a running loop when it comes to code
 * behind it that it has never run.
 */
function takeBatch(batch: Buffer, pass: Pass, placeOf: PlaceOf): number {
  let documents = 0;
  for (let at = 0; at < batch.length; at += int32At(batch, at)) takeDocument(batch, at, pass, placeOf, documents++);
  return documents;
}

/** Puts one document of the scope into its partition, or aside. */
function takeDocument(bytes: Buffer, at: number, pass: Pass, placeOf: PlaceOf, before: number): void {
  const { plan, cut } = pass;
  const length = int32At(bytes, at);
  let cutDocument: Buffer | undefined;
  try {
    // A document whose cursor can't be read belongs to every scope, or nobody would ever hear of it.
    if (pass.isFiltered && !inScope(plan.scope, pass.readCursor(bytes, at))) return;
    if (cut === undefined) putDocument(bytes, at, length, pass);
    else {
      cutDocument = cut(bytes, at);
      putDocument(cutDocument, 0, cutDocument.length, pass);
    }
  } catch (error) {
    const place = placeOf(at, before);
    if (!isBroken(error)) throw placed(error, place);
    const document = cutDocument ?? bytes.subarray(at, at + length);
    const form = formOf(plan, cutDocument !== undefined);
    pass.broken.push({ document: Uint8Array.from(document), form, reason: error.message, place });
    // What can't be stored is left behind by a watermark like all else.
    const time = unlessBroken(() => pass.readCursor(document, 0), undefined);
    noteTime(pass, time === undefined ? undefined : Number(time));
  }
  pass.documents++;
  pass.bytes += length;
}

function putDocument(bytes: Buffer, at: number, length: number, pass: Pass): void {
  const { plan, sketcher } = pass;
  const id = sketcher.take(bytes, at);
  noteCursor(pass, bytes, at);
  addTo(pass, partitionOf(idHash(bytes, id.type, id.at, id.end), plan.partitions), bytes, at, length);
}

function noteCursor(pass: Pass, bytes: Buffer, at: number): void {
  const { plan, sketcher } = pass;
  // Where names are not kept, the cursor's may be among those.
  const element = sketcher.watched ?? (sketcher.isOpen ? findElement(bytes, at, cursorPath(plan.cursor)) : undefined);
  noteTime(pass, element && cursorNumber(plan.cursor.type, bytes, element));
}

function noteTime(pass: Pass, time: number | undefined): void {
  if (time !== undefined && (pass.minCursor === undefined || time < pass.minCursor)) pass.minCursor = time;
}

function addTo(pass: Pass, partition: number, bytes: Buffer, at: number, length: number): void {
  let bucket = pass.buckets[partition];
  if (bucket === undefined) {
    bucket = { bytes: Buffer.allocUnsafe(Math.max(pass.bucketBytes, length)), length: 0, documents: 0 };
    pass.buckets[partition] = bucket;
  }
  const needed = bucket.length + length;
  if (needed > bucket.bytes.length) grow(bucket, needed);
  bytes.copy(bucket.bytes, bucket.length, at, at + length);
  bucket.length = needed;
  bucket.documents++;
}

function grow(bucket: Bucket, needed: number): void {
  const grown = Buffer.allocUnsafe(Math.max(needed, bucket.bytes.length * 2));
  bucket.bytes.copy(grown, 0, 0, bucket.length);
  bucket.bytes = grown;
}

function packed({ buckets }: Pass): readonly PackedBlock[] {
  return buckets.flatMap((bucket, partition) => {
    if (bucket === undefined) return [];
    const bytes = pack(bucket.bytes.subarray(0, bucket.length));
    return [{ partition, packed: bytes, rawLength: bucket.length, documents: bucket.documents }];
  });
}

/** `isCut` where the column policy could be applied to the document. */
function formOf({ columns }: ShuffleTask['plan'], isCut: boolean): Form {
  if (!hidesValues(columns)) return 'whole';
  if (!isCut) return 'hidden';
  return columns?.hash === undefined ? 'cut' : 'hashed';
}

/** Says which document it is: the dump's byte, or how many were read before it. */
function placeOf(source: string, position: number | undefined, before: number): string {
  return position === undefined ? `document ${before + 1} read of ${source}` : `byte ${position} of ${source}`;
}

function placed(error: unknown, place: string): MongolakeError {
  const { code, message, hint } = asMongolakeError(error);
  return new MongolakeError(code, `${place}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause: error });
}
