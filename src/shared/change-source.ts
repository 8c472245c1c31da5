import { MongolakeError } from './domain/errors.ts';
import type { StreamStep } from './domain/plan.ts';
import type { Position } from './domain/position.ts';
import type { ChangeStream, Source } from './ports/source.ts';

/** The stretch of one range, as a plan keeps it. */
export function partOfChanges(from: Position, to: Position): string {
  return JSON.stringify({ from, to } satisfies StreamStep);
}

/**
 * A stretch of the source's change stream as a source. The stream tells ids only: each is looked up, so that a document comes as it is now, and a
 * deletion where there is none any more, whatever the event was and however much has happened since.
 */
export function changeSource(source: Source): Source {
  const changes = streamOf(source);
  return {
    ...source,
    estimate: async () => ({ documents: undefined, bytes: undefined }),
    async *read({ part }, signal, projection, _most, since) {
      const { from, to } = JSON.parse(part ?? '{}') as StreamStep & { readonly from: Position };
      for await (const ids of changes.ids(from, to, signal)) yield* source.lookUp(ids, signal, projection, since);
    },
  };
}

/** The source's change stream. Throws `STREAM_UNSUPPORTED` where it has none. */
export function streamOf({ changes, description }: Pick<Source, 'changes' | 'description'>): ChangeStream {
  if (changes !== undefined) return changes;
  throw new MongolakeError('STREAM_UNSUPPORTED', `${description} has no change stream`, {
    hint: 'Leave source.mode out of the configuration: changes are then found by the cursor field.',
  });
}
