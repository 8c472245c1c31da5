import type { Clock } from './ports/clock.ts';
import type { RawBatch, Source } from './ports/source.ts';

/** A slow consumer may make up for as much time as this, milliseconds: no longer, or the source would feel a burst. */
const CREDIT_MS = 1000;

/**
 * The source, read at `documentsPerSecond` at most; as it is where there is no limit. Batches hold what one second may bring, so that reading is even, and the
 * server is asked for no more at once. An abort ends the waiting.
 */
export function pacedSource(source: Source, documentsPerSecond: number | undefined, clock: Clock): Source {
  if (documentsPerSecond === undefined) return source;
  const most = Math.max(1, Math.floor(documentsPerSecond));
  return {
    ...source,
    async *read(range, signal, projection, asked = most, since = undefined) {
      const size = Math.min(most, asked);
      let dueAt = clock.monotonic();
      for await (const batch of source.read(range, signal, projection, size, since)) {
        for (const piece of cutBatch(batch, size)) {
          const now = clock.monotonic();
          if (dueAt > now) await clock.sleep(dueAt - now, signal);
          dueAt = Math.max(dueAt, now - CREDIT_MS) + (piece.offsets.length / documentsPerSecond) * 1000;
          yield piece;
        }
      }
    },
  };
}

/** The batch in pieces of at most so many documents. */
function* cutBatch(batch: RawBatch, most: number): Generator<RawBatch, void, void> {
  const { bytes, offsets, position } = batch;
  for (let from = 0; from < offsets.length; from += most) {
    const start = offsets[from] ?? 0;
    const end = offsets[from + most] ?? bytes.length;
    yield {
      bytes: bytes.subarray(start, end),
      offsets: offsets.slice(from, from + most).map((offset) => offset - start),
      ...(position === undefined ? {} : { position: position + start - (offsets[0] ?? 0) }),
    };
  }
}
