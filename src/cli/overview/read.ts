import pMap from 'p-map';
import type { OpenedConfig } from '../../app/app.ts';
import { freshnessLimit } from '../../coordinator/limits.ts';
import type { TableTarget } from '../../shared/config/targets.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Queue } from '../../shared/ports/queue.ts';
import { within } from '../../shared/within.ts';
import { type TableReader, tableReader, troubleOf } from './read-table.ts';
import { remembered } from './remembered.ts';
import type { OverviewView, QueueView, Reading, TableDetail, TableEntry } from './view.ts';

/** How all tables stand, read for as many as look: one after the other within `lifeMs` cost the same as one. Never rejects for a table's trouble. */
export interface Overview {
  all(): Promise<OverviewView>;
  /** `undefined` where the configuration names no such table. */
  table(name: string): Promise<TableDetail | undefined>;
  close(): Promise<void>;
}

/** Which collections there are is asked of the source, milliseconds. */
const TARGETS_MS = 60_000;
const FAILED_MS = 5_000;
const QUEUE_MS = 1_500;
/** A page waits so long for what it shows, and then goes without, milliseconds. */
const PATIENCE_MS = 4_000;
const READS_AT_ONCE = 8;
/** A reading of a table that rests is good for so long at least, and so that at most four of them are read in a second, milliseconds. */
const IDLE_MS = 5_000;
const IDLE_PER_TABLE_MS = 250;

interface Resolved {
  readonly targets: readonly TableTarget[];
  readonly unresolved: OverviewView['unresolved'];
}

/** Opens what the configuration names, to be looked at. Nothing is read before it is asked for. */
export function openOverview(app: OpenedConfig): Overview {
  const { clock } = app;
  const readers = new Map<string, TableReader>();
  const resolve = remembered(clock, () => resolveAll(app), {
    lifeMs: ({ unresolved }) => (unresolved.length === 0 ? TARGETS_MS : FAILED_MS),
    failureMs: FAILED_MS,
  });
  const idleMs = () => Math.max(IDLE_MS, IDLE_PER_TABLE_MS * readers.size);
  const readerOf = (target: TableTarget) => {
    const found = readers.get(target.name);
    if (found !== undefined) return found;
    const reader = tableReader(app.storage(target), { clock, mode: target.settings.mode, idleMs });
    readers.set(target.name, reader);
    return reader;
  };
  const entry = async (target: TableTarget, until: number): Promise<TableEntry> => ({
    name: target.name,
    pipeline: target.pipeline,
    freshnessLimit_ms: freshnessLimit(target.settings),
    reading: await soon(clock, until, () => readerOf(target).view()),
  });
  const queue = queueReader(app);
  return {
    all: async () => {
      const [{ targets, unresolved }, depth] = await Promise.all([resolve(), queue.view()]);
      const until = clock.monotonic() + PATIENCE_MS;
      const tables = await pMap(targets, (target) => entry(target, until), { concurrency: READS_AT_ONCE });
      return { now: clock.now(), queue: depth, tables, unresolved };
    },
    table: async (name) => {
      const target = (await resolve()).targets.find((one) => one.name === name);
      if (target === undefined) return undefined;
      const until = clock.monotonic() + PATIENCE_MS;
      const [found, more] = await Promise.all([
        entry(target, until),
        soon(clock, until, () => readerOf(target).more()),
      ]);
      const known = more.kind === 'read';
      const rest = known ? more.value : { versions: [], schemas: new Map(), reasons: [] };
      return { ...found, ...rest, missing: known ? undefined : more, now: clock.now() };
    },
    close: async () => {
      await Promise.all([...readers.values()].map((reader) => reader.close()));
      await queue.close();
    },
  };
}

async function resolveAll(app: OpenedConfig): Promise<Resolved> {
  const targets: TableTarget[] = [];
  const unresolved: OverviewView['unresolved'][number][] = [];
  for (const pipeline of Object.keys(app.config.pipelines)) {
    try {
      targets.push(...(await app.targets(pipeline)));
    } catch (error) {
      unresolved.push({ pipeline, trouble: troubleOf(error) });
    }
  }
  return { targets, unresolved };
}

/** What comes until then, by the monotonic clock; a reading that takes longer goes on, and the next page has it. */
async function soon<T>(clock: Clock, until: number, read: () => Promise<T>): Promise<Reading<T>> {
  try {
    const result = await within(clock, Math.max(0, until - clock.monotonic()), read());
    return result.done ? { kind: 'read', value: result.value } : { kind: 'pending' };
  } catch (error) {
    return { kind: 'trouble', trouble: troubleOf(error) };
  }
}

/** The queue's depth, over one connection that is opened when it is first asked for. */
function queueReader(app: OpenedConfig): { view(): Promise<QueueView>; close(): Promise<void> } {
  if (app.config.queue.kind === 'local') return { view: async () => ({ kind: 'local' }), close: async () => {} };
  let queue: Queue | undefined;
  const view = remembered(
    app.clock,
    async (): Promise<QueueView> => {
      queue ??= app.queue();
      const asked = queue;
      const reading = await soon(app.clock, app.clock.monotonic() + PATIENCE_MS, () => asked.depth());
      if (reading.kind === 'read') return { kind: 'depth', depth: reading.value };
      return reading.kind === 'trouble' ? reading : { kind: 'pending' };
    },
    { lifeMs: () => QUEUE_MS, failureMs: FAILED_MS },
  );
  return { view, close: async () => queue?.close() };
}
