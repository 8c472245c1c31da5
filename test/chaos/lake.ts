import { workspace } from '../e2e/cli.ts';
import type { Services } from '../services/provided.ts';
import { type ChangingCollection, changingCollection } from './collection.ts';
import { type ChaosStore, chaosStore } from './store.ts';

/** One collection and a store for tables of it, each with a queue of its own. */
export interface Lake {
  readonly store: ChaosStore;
  readonly collection: ChangingCollection;
  /** What every table must hold once it is in step. */
  rows: ReadonlyMap<string, number>;
  /** A configuration with the one table that is in the folder `name`. */
  config(name: string, change?: ConfigChange): object;
  /** Begins a table as a copy of the one that `loadTemplate` made. */
  begin(name: string): Promise<void>;
  close(): Promise<void>;
}

/** What a table's configuration has instead of the usual. */
export interface ConfigChange {
  readonly defaults?: object;
  readonly source?: object;
  readonly queue?: object;
  readonly worker?: object;
  /** Of Redis. */
  readonly url?: string;
  /** Of the store. */
  readonly endpoint?: string;
}

const TEMPLATE = 'template';
const DOCUMENTS = 1500;

/**
 * Opens store and collection. `prefix` begins the keys of all queues. Short times, so that whoever dies is found dead soon: a worker
 * after 2 s, a coordinator after 3 s.
 */
export async function openLake(
  { redis, mongodb }: Pick<Services, 'redis' | 'mongodb'>,
  documents = DOCUMENTS,
): Promise<Lake> {
  const [store, collection] = await Promise.all([chaosStore(), changingCollection(mongodb, documents)]);
  const lake: Lake = {
    store,
    collection,
    rows: new Map(),
    config: (name, { defaults = {}, source = {}, worker = {}, queue, url, endpoint = store.endpoint } = {}) => ({
      version: 1,
      connections: {
        guest: { kind: 'mongodb', uri: mongodb.uri },
        lake: {
          kind: 's3',
          region: store.region,
          endpoint,
          forcePathStyle: true,
          credentials: { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey },
        },
      },
      queue: queue ?? { kind: 'redis', url: url ?? redis.url, prefix: `${redis.prefix}-${name}`, lockDuration: '2s' },
      defaults: {
        partitions: 4,
        allowedLateness: '1s',
        leaseTtl: '3s',
        checkpointInterval: 1,
        compressionLevel: 1,
        retention: '1h',
        ...defaults,
      },
      worker: { scratch: './scratch', concurrency: 2, ...worker },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: collection.database, collections: [collection.name], ...source },
          table: { connection: 'lake', uri: `s3://${store.bucket}/${name}` },
        },
      },
    }),
    begin: (name) => store.copyFolder(TEMPLATE, name),
    async close() {
      await collection.close();
      await store.close();
    },
  };
  return lake;
}

/**
 * Loads the table that others begin as: two versions, everything ended in order. Then the collection goes on to the generation that
 * each table is to take in.
 */
export async function loadTemplate(lake: Lake): Promise<void> {
  const space = workspace(lake.config(TEMPLATE, { queue: { kind: 'local' } }));
  try {
    for (const generation of [0, 1]) {
      await lake.collection.fill(generation);
      const { ended } = await space.json('sync');
      if (ended.code !== 0) throw new Error(`the template was not loaded: ${ended.stderr}`);
    }
  } finally {
    await space.close();
  }
  await lake.collection.fill(2);
  lake.rows = await lake.collection.rows();
}
