import { listVersions, readVersion } from '../../src/coordinator/log.ts';
import type { HoldContext } from '../../src/coordinator/steps.ts';
import { previewVacuum, type VacuumResult, vacuumTable } from '../../src/coordinator/vacuum.ts';
import type { ObjectInfo, Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness, silent } from './table-harness.ts';

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
export const NOW = Date.parse('2026-03-01T12:00:00Z');
/** A run that is over. */
export const DEAD = '20260301t000000z-0000dead';

/** A table that can be vacuumed. The retention is a week unless given. */
export interface VacuumHouse extends Harness {
  vacuum(retention?: number, change?: Partial<HoldContext>): Promise<VacuumResult>;
  preview(retention?: number): Promise<VacuumResult>;
  /** Puts an object there; returns its key. */
  put(key: string, body?: string | Buffer): Promise<string>;
  /** Keys of the data files of a version. */
  filesOf(version: number): Promise<string[]>;
  /** The versions of which every file is there in its whole length. */
  readable(): Promise<number[]>;
  /** The store with other times of its objects. */
  timed(time: (object: ObjectInfo) => number): Storage;
}

/** Over an empty store, at `NOW`. */
export function vacuumHouse(): VacuumHouse {
  const table = harness({ now: NOW });
  const { storage } = table;
  const context: HoldContext = {
    storage,
    clock: table.previewContext.clock,
    logger: silent,
    signal: new AbortController().signal,
    engineVersion: '0.0.0',
  };
  return {
    ...table,
    vacuum: (retention = 7 * DAY, change = {}) => vacuumTable({ retention, leaseTtl: 50 }, { ...context, ...change }),
    preview: (retention = 7 * DAY) => previewVacuum({ retention }, context),
    async put(key, body = 'x') {
      await storage.put(key, Buffer.from(body));
      return key;
    },
    async filesOf(version) {
      const snapshot = await readVersion(storage, version);
      return [...(snapshot?.files.keys() ?? [])].map(decodeURIComponent).sort();
    },
    readable: () => readableVersions(storage),
    timed: (time) => ({
      ...storage,
      async *list(...args) {
        for await (const object of storage.list(...args)) yield { ...object, modifiedAt: time(object) };
      },
    }),
  };
}

async function readableVersions(storage: Storage): Promise<number[]> {
  const whole: number[] = [];
  for (const { version } of await listVersions(storage)) {
    const files = [...((await readVersion(storage, version))?.files.values() ?? [])];
    const found = await Promise.all(files.map(async ({ path }) => storage.get(decodeURIComponent(path))));
    if (files.every(({ size }, index) => found[index]?.body.length === size)) whole.push(version);
  }
  return whole;
}

/** Versions 0 to `versions` − 1, a day apart, each of which rewrites every file; then the clock stands at the last one's. */
export async function dailyVersions(
  versions: number,
  settings: Parameters<Harness['sync']>[1] = {},
): Promise<VacuumHouse> {
  const table = vacuumHouse();
  const { collection } = table;
  for (let version = 0; version < versions; version++) {
    collection.now = NOW + version * DAY;
    const updateTime = new Date(collection.now - MINUTE);
    collection.documents = Array.from({ length: 20 }, (_, _id) => ({ _id, n: _id + version * 100, updateTime }));
    await table.sync({}, settings);
  }
  return table;
}

/** What went. */
export function keysOf({ objects }: VacuumResult): string[] {
  return objects.map(({ key }) => key);
}

/** The different reasons why. */
export function reasonsOf({ objects }: VacuumResult): string[] {
  return [...new Set(objects.map(({ reason }) => reason))].sort();
}
