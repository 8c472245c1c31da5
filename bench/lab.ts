import { join } from 'node:path';
import { fingerprint } from '../test/services/cache.ts';
import type { MongoService } from '../test/services/mongo.ts';
import type { RedisService } from '../test/services/redis.ts';
import { required, type Started } from '../test/services/result.ts';
import { kept, sourcesKey } from './cache.ts';
import type { DeltaKind } from './data/delta.ts';
import type { Base } from './data/document.ts';
import { baseDump, dataName, deltaDump } from './data/dumps.ts';
import { backfill, type Settings } from './mongolake.ts';
import { type Python, requirements, runPeer } from './peers.ts';

/** What all scenarios work with. */
export interface Lab {
  /** The collection that deltas are merged into. */
  readonly base: Base;
  /** The collection that is loaded. */
  readonly load: Base;
  /** The small one, for both engines. */
  readonly small: Base;
  /** A folder of this run's own. */
  readonly work: string;
  readonly cores: number;
  /** Heap of Spark's driver, as it writes it. */
  readonly sparkMemory: string;
  readonly peers: Started<Python>;
  readonly spark: Started<Python>;
  readonly redis: Started<RedisService>;
  /** Loaded from over the wire. */
  readonly mongodb: Started<MongoService>;
  /** The tables that `ourTable` has made, by what they are made of. */
  readonly tables: Map<string, string>;
}

/** Hash partitions of the tables that are merged into, and files of the peers'. */
export const PARTS = 16;

/** A table of the collection, made by mongolake itself once in a run of the bench; returns its folder. */
export async function ourTable(lab: Lab, base: Base, settings: Settings): Promise<string> {
  const key = fingerprint([JSON.stringify([base, settings])]);
  const folder = join(lab.work, `table-${key}`);
  const table = join(folder, 'lake');
  if (!lab.tables.has(key)) await backfill(folder, { source: await baseDump(base), table, settings });
  lab.tables.set(key, table);
  return table;
}

/** The same rows as Parquet files, cut by the hash of `_id`; returns their folder. */
export async function parquetBase(lab: Lab): Promise<string> {
  return keptData(lab, 'parquet', async (into) =>
    makeData(lab, 'parquet', await ourTable(lab, lab.base, { partitions: PARTS }), into, PARTS),
  );
}

/** The same rows as a table of delta-rs', sorted by `_id`; returns its folder. */
export async function deltaRsBase(lab: Lab, codec: 'zstd' | 'snappy'): Promise<string> {
  return keptData(lab, `deltars-${codec}`, async (into) =>
    makeData(lab, 'delta', await ourTable(lab, lab.base, { partitions: PARTS }), into, PARTS, codec),
  );
}

/** A delta as one Parquet file; returns its folder. */
export async function parquetDelta(lab: Lab, kind: DeltaKind): Promise<string> {
  return keptData(lab, `${kind}-parquet`, async (into) => {
    const folder = join(lab.work, `${kind}-as-table`);
    const table = join(folder, 'lake');
    await backfill(folder, { source: await deltaDump(kind, lab.base), table, settings: { partitions: 1 } });
    await makeData(lab, 'parquet', table, into, 1);
  });
}

/** The folder `files` of something made for the peers, in the cache. */
async function keptData(lab: Lab, what: string, make: (into: string) => Promise<void>): Promise<string> {
  const key = fingerprint([...requirements(), sourcesKey([join('peers', 'make_data.py')])]);
  const files = (folder: string) => join(folder, 'files');
  return files(await kept(dataName(lab.base, `${what}-${key}`), (folder) => make(files(folder))));
}

async function makeData(lab: Lab, ...args: (string | number)[]): Promise<void> {
  await runPeer(required(lab.peers), 'make_data.py', ...args);
}
