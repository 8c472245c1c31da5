import { findElement, isBroken, unlessBroken } from '../../shared/domain/bson.ts';
import { bufferOf } from '../../shared/domain/buffers.ts';
import { type CursorReader, cursorNumber, cursorPath, cursorReader } from '../../shared/domain/cursor.ts';
import type { Cut } from '../../shared/domain/cut.ts';
import { deletedReader, flipDeletion, lengthAt, takeDeletion } from '../../shared/domain/deletion.ts';
import { type ErasedIds, hasDigest } from '../../shared/domain/erased.ts';
import { asMongolakeError, MongolakeError } from '../../shared/domain/errors.ts';
import { partitionOf } from '../../shared/domain/hash.ts';
import { identityAt } from '../../shared/domain/id-list.ts';
import { idHash } from '../../shared/domain/ids.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import type { Plan } from '../../shared/domain/plan.ts';
import { fieldPolicies, hidesValues } from '../../shared/domain/policy.ts';
import type { Form } from '../../shared/domain/quarantine.ts';
import type { Sketch } from '../../shared/domain/sketch.ts';
import { createSketcher, type Sketcher } from '../../shared/domain/sketcher.ts';
import { inScope } from '../../shared/domain/window.ts';
import { keyedHash } from '../../shared/keyed-hash.ts';
import { Distribution, type PackedBlock } from './distribution.ts';
import { cutOf, keysOf } from './policy.ts';

/** Documents on their way to their partitions. */
export interface ShuffleTask {
  readonly plan: Pick<Plan, 'partitions' | 'cursor' | 'scope' | 'sourceKind' | 'columns' | 'deletedField'>;
  /** Of the column policy's hashes; `undefined` where none is configured. */
  readonly hashKey: string | undefined;
  /** Whose documents are left out; absent where no id is erased. */
  readonly erased?: ErasedIds | undefined;
  readonly slab: Slab;
  /** What they are read from, for messages. */
  readonly source: string;
}

/** Documents that are shuffled at once. */
export interface Slab {
  readonly room: Room;
  /** In the order read, back to back. */
  readonly batches: readonly SlabBatch[];
  /** Those that were read before these. */
  readonly before: number;
}

/** Memory that threads share: twice what the documents take that are read into it, so that they can be put by partition behind. */
export type Room = Uint8Array<SharedArrayBuffer>;

/** Whole documents, back to back. */
export interface SlabBatch {
  /** Where they lie in the room. */
  readonly start: number;
  readonly end: number;
  /** As in `RawBatch`. */
  readonly position: number | undefined;
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
  /** Documents that were left out since their ids are erased. */
  readonly erased: number;
}

/** Cuts, checks, sketches and packs documents by partition. */
export function shuffle(task: ShuffleTask): ShuffleOutcome {
  const { source, slab } = task;
  const pass = startPass(task);
  let { before } = slab;
  for (const { start, end, position } of slab.batches) {
    before += takeBatch(start, end, pass, (at, documents) =>
      placeOf(source, position === undefined ? undefined : position + at - start, before + documents),
    );
  }
  const { documents, bytes, minCursor, broken, erased } = pass;
  const [sketch, blocks] = [pass.sketcher.sketch(), pass.distribution.blocks()];
  return { documents, bytes, minCursor, broken, erased, sketch, blocks };
}

interface Pass {
  readonly plan: ShuffleTask['plan'];
  /** The slab's. */
  readonly room: Buffer;
  readonly readCursor: CursorReader;
  /** Whether the document is a deletion by what its source says in it. */
  readonly saysDeleted: (bytes: Buffer, at: number) => boolean;
  /** Whether the scope is held here: a server has done so itself. */
  readonly isFiltered: boolean;
  readonly sketcher: Sketcher;
  /** Leaves out what the column policy does not take: what a document is from here on. */
  readonly cut: Cut | undefined;
  /** Leaves a deletion nothing but `_id` and cursor: no other field of it is of any consequence. */
  readonly keysOf: Cut;
  readonly distribution: Distribution;
  readonly broken: BrokenDocument[];
  /** Whether the document's id is erased. */
  readonly isErased: ((bytes: Buffer, at: number) => boolean) | undefined;
  erased: number;
  documents: number;
  bytes: number;
  minCursor: number | undefined;
}

function startPass({ plan, hashKey, erased, slab }: ShuffleTask): Pass {
  const room = bufferOf(slab.room);
  const keyed = hashKey === undefined ? undefined : keyedHash(hashKey);
  const cut = cutOf(plan, keyed);
  // What is cut has other lengths, and goes into a room of its own.
  const [own, used] = cut === undefined ? [room, slab.batches.at(-1)?.end ?? 0] : [Buffer.alloc(0), 0];
  return {
    plan,
    room,
    readCursor: cursorReader(plan.cursor),
    saysDeleted: deletedReader(plan.deletedField),
    isFiltered: plan.sourceKind === 'dump' && plan.scope.kind !== 'full',
    sketcher: createSketcher(fieldPolicies(plan.columns), cursorPath(plan.cursor)),
    cut,
    keysOf: keysOf(plan, keyed),
    distribution: new Distribution(plan.partitions, own, used),
    broken: [],
    isErased: erased && erasedReader(erased),
    erased: 0,
    documents: 0,
    bytes: 0,
    minCursor: undefined,
  };
}

function erasedReader(erased: ErasedIds): (bytes: Buffer, at: number) => boolean {
  const { hash } = keyedHash(erased.salt);
  return (bytes, at) => hasDigest(erased, hash(identityAt(bytes, at)));
}

/** Says where a document is by its place in the room and the number of those before it in its batch. */
type PlaceOf = (at: number, documents: number) => string;

/**
 * Takes whole documents back to back; returns how many. A loop of its own: V8 throws away what it has optimized of a running loop when it comes to code
 * behind it that it has never run.
 */
function takeBatch(start: number, end: number, pass: Pass, placeOf: PlaceOf): number {
  const { room } = pass;
  let documents = 0;
  for (let at = start; at < end; at += lengthAt(room, at)) takeDocument(at, pass, placeOf, documents++);
  return documents;
}

/** Puts one document of the scope into its partition, or aside. */
function takeDocument(at: number, pass: Pass, placeOf: PlaceOf, before: number): void {
  const { plan, room, cut, distribution } = pass;
  const isGone = takeDeletion(room, at);
  const length = int32At(room, at);
  let cutDocument: Buffer | undefined;
  try {
    // A document whose cursor can't be read belongs to every scope, or nobody would ever hear of it.
    if (pass.isFiltered && !inScope(plan.scope, pass.readCursor(room, at))) return;
    if (!isGone && pass.isErased?.(room, at)) {
      leaveOut(at, pass);
      return;
    }
    const isDeletion = isGone || pass.saysDeleted(room, at);
    const own = isDeletion ? pass.keysOf : cut;
    if (own === undefined) distribution.take(partitionFor(room, at, pass), at, at + length);
    else {
      cutDocument = own(room, at);
      const partition = partitionFor(cutDocument, 0, pass);
      if (isDeletion) flipDeletion(cutDocument, 0);
      distribution.takeCopy(partition, cutDocument);
    }
  } catch (error) {
    const place = placeOf(at, before);
    if (!isBroken(error)) throw placed(error, place);
    const document = cutDocument ?? room.subarray(at, at + length);
    const form = formOf(plan, cutDocument !== undefined);
    pass.broken.push({ document: Uint8Array.from(document), form, reason: error.message, place });
    // What can't be stored is left behind by a watermark like all else.
    noteReadable(pass, document, 0);
  }
  pass.documents++;
  pass.bytes += length;
}

/** Counts a document whose id is erased: nothing of it goes on, but it is left behind by a watermark like all else. */
function leaveOut(at: number, pass: Pass): void {
  noteReadable(pass, pass.room, at);
  pass.erased++;
  pass.documents++;
  pass.bytes += int32At(pass.room, at);
}

/** Notes the cursor of a document that need not be whole. */
function noteReadable(pass: Pass, bytes: Buffer, at: number): void {
  const time = unlessBroken(() => pass.readCursor(bytes, at), undefined);
  noteTime(pass, time === undefined ? undefined : Number(time));
}

/** The partition of a document, which is checked, sketched, and its cursor noted. */
function partitionFor(bytes: Buffer, at: number, pass: Pass): number {
  const { plan, sketcher } = pass;
  const id = sketcher.take(bytes, at);
  noteCursor(pass, bytes, at);
  return partitionOf(idHash(bytes, id.type, id.at, id.end), plan.partitions);
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
