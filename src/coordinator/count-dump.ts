import { unlessBroken } from '../shared/domain/bson.ts';
import { type Cursor, cursorReader } from '../shared/domain/cursor.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import { int32At } from '../shared/domain/little-endian.ts';
import { inScope } from '../shared/domain/window.ts';
import type { Source } from '../shared/ports/source.ts';

/** A dump of up to so many bytes of BSON is read to count what is in it: about a second. */
const COUNTED_BYTES = 512e6;

export interface DumpCount {
  /** Documents that the scope reads. */
  readonly documents: number;
  /** Bytes of BSON of those. */
  readonly bytes: number;
  /** Documents that no window meets. */
  readonly withoutCursor: number;
}

/** Reads a dump and counts in it; `undefined` where it is, or turns out to be, too long for that. Errors: those of `Source`. */
export async function countDump(
  source: Source,
  scope: ReadScope,
  cursor: Cursor,
  signal?: AbortSignal,
): Promise<DumpCount | undefined> {
  const estimate = await source.estimate(scope);
  if (estimate.bytes === undefined || estimate.bytes > COUNTED_BYTES) return undefined;
  const readCursor = cursorReader(cursor);
  let [documents, bytes, withoutCursor, read] = [0, 0, 0, 0];
  for await (const batch of source.read({ scope, part: null }, signal)) {
    for (const at of batch.offsets) {
      // A document whose cursor can't be read belongs to every scope, or nobody would ever hear of it.
      const time = unlessBroken(() => readCursor(batch.bytes, at), 'broken');
      if (time === undefined) withoutCursor++;
      if (time !== 'broken' && !inScope(scope, time)) continue;
      documents++;
      bytes += int32At(batch.bytes, at);
    }
    read += batch.bytes.length;
    if (read > COUNTED_BYTES) return undefined;
  }
  return { documents, bytes, withoutCursor };
}
