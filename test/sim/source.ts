import type { ExtractRange, ReadScope } from '../../src/shared/domain/job.ts';
import { inScope } from '../../src/shared/domain/window.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Collection, State } from './collection.ts';
import { createLine, type Line } from './network.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** What one delivery of a job was given by the source. */
export interface Readings {
  /** In the order read. */
  readonly states: State[];
}

/** The collection's server. */
export interface SourceServer {
  /** The collection as a process reaches it; what it reads is noted in `readings`. */
  open(process: SimProcess, readings?: Readings): Source;
}

export const NAMESPACE = { database: 'guest', collection: 'notifications' } as const;

/** A part of a scope: the n-th of so many by `_id`, or what lies between two times. */
type Part =
  | { readonly by: 'id'; readonly n: number; readonly of: number }
  | { readonly by: 'time'; readonly above: number | null; readonly upTo: number | null };

/** Where a reading stands in its index: behind the document of this cursor and id, or at the cursor where the id is empty. */
interface Position {
  readonly cursor: number;
  readonly id: string;
}

/** Serves a collection that goes on changing while it is read. */
export function createSourceServer(world: World, collection: Collection): SourceServer {
  const { options } = world;
  const chance = world.chance('source');
  const line = createLine(world, {
    server: 'source',
    error: 'SOURCE_UNREACHABLE',
    isAway: () => false,
    delay: [2, 40],
    lossy: false,
  });
  const tellsWrites = chance.hits(0.5);
  return {
    open(process, readings) {
      const ask = <T>(label: string, effect: () => T) => line.call(process, { label, writes: false, effect });
      return {
        description: 'sim://guest.notifications',
        namespace: NAMESPACE,
        clock: () =>
          ask('clock', () => ({
            kind: 'live',
            serverTime: collection.now(),
            lastMajorityWrite: tellsWrites ? collection.lastWrite : undefined,
          })),
        estimate: () => ask('estimate', () => ({ documents: collection.documents.size, bytes: undefined })),
        ranges: (scope) => ask('ranges', () => cut(scope, options.splitBy, options.ranges, collection)),
        countWithoutCursor: async () => undefined,
        read: (range, signal) => read(world, line, collection, process, range, readings, signal),
        lookUp: () => {
          throw new Error('the simulation verifies nothing');
        },
        indexes: async () => [],
        close: async () => undefined,
      };
    },
  };
}

function cut(scope: ReadScope, by: 'id' | 'time', count: number, collection: Collection): readonly ExtractRange[] {
  if (by === 'id' || scope.kind === 'full') {
    return Array.from({ length: count }, (_, n) => ({ scope, part: partText({ by: 'id', n, of: count }) }));
  }
  const times = [...collection.documents.values()].map(({ cursor }) => cursor).sort((a, b) => a - b);
  const bounds = Array.from(
    { length: count - 1 },
    (_, n) => times[Math.floor(((n + 1) * times.length) / count)] ?? null,
  );
  const parts = [null, ...bounds].map((above, n) => ({ by: 'time' as const, above, upTo: bounds[n] ?? null }));
  return parts.map((part) => ({ scope, part: partText(part) }));
}

function partText(part: Part): string {
  return JSON.stringify(part);
}

async function* read(
  world: World,
  line: Line,
  collection: Collection,
  process: SimProcess,
  range: ExtractRange,
  readings: Readings | undefined,
  signal: AbortSignal | undefined,
): ReturnType<Source['read']> {
  const chance = world.chance(`reading of ${process.name} at ${world.timeline.now}`);
  let position: Position | undefined;
  for (;;) {
    const size = chance.integer(1, 8);
    const effect = () => after(collection, range, position).slice(0, size);
    const batch = await line.call(process, { label: 'read', writes: false, effect, signal });
    const last = batch.at(-1);
    if (last === undefined) return;
    readings?.states.push(...batch);
    const bytes = Buffer.concat(batch.map((state) => state.bytes));
    let end = 0;
    const offsets = batch.map((state) => {
      end += state.bytes.length;
      return end - state.bytes.length;
    });
    yield { bytes, offsets };
    position = positionOf(range, last);
    if (world.strikes('cursorDeath')) {
      world.trace.note(process.name, 'loses its cursor and resumes', { loud: true });
      // At `cursor >= last`, or `_id >= last`: what stands there comes again.
      position = range.scope.kind === 'full' ? { cursor: 0, id: before(last.id) } : { cursor: last.cursor, id: '' };
    }
    if (chance.hits(0.2) && !world.isCalm) collection.write();
  }
}

/** What the index holds past the position now, in its order: by cursor, or by `_id` where everything is read. */
function after(collection: Collection, range: ExtractRange, position: Position | undefined): readonly State[] {
  return [...collection.documents.values()]
    .filter((state) => belongs(range, state))
    .map((state) => ({ state, at: positionOf(range, state) }))
    .filter(({ at }) => position === undefined || compare(at, position) > 0)
    .sort((a, b) => compare(a.at, b.at))
    .map(({ state }) => state);
}

function belongs({ scope, part }: ExtractRange, { id, cursor }: State): boolean {
  if (!inScope(scope, BigInt(cursor))) return false;
  const own = JSON.parse(part ?? 'null') as Part | null;
  if (own === null) return true;
  if (own.by === 'id') return sum(id) % own.of === own.n;
  return (own.above === null || cursor > own.above) && (own.upTo === null || cursor <= own.upTo);
}

function sum(text: string): number {
  return [...text].reduce((total, character) => total + (character.codePointAt(0) ?? 0), 0);
}

function positionOf({ scope }: ExtractRange, { id, cursor }: State): Position {
  return { cursor: scope.kind === 'full' ? 0 : cursor, id: `=${id}` };
}

/** A position just before that of the id. */
function before(id: string): string {
  return `=${id}`.slice(0, -1);
}

function compare(a: Position, b: Position): number {
  return a.cursor - b.cursor || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
