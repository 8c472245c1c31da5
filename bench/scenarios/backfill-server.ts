import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { agreement } from '../agreement.ts';
import type { Contender, Scenario } from '../contender.ts';
import { type Base, documentAt } from '../data/document.ts';
import { parquetIn, remove } from '../folders.ts';
import type { Lab } from '../lab.ts';
import { configure, countsOf, mongolake, type ServerSource } from '../mongolake.ts';

const READER = fileURLToPath(new URL('../peers/read_server.mjs', import.meta.url));
const INSERTED_AT_ONCE = 10_000;

/** The small collection on a server becomes a table. What the server takes is told apart: its own processes are not counted. */
export function backfillServerScenario(lab: Lab): Scenario {
  const base = lab.small;
  const { mongodb } = lab;
  const scenario = {
    name: 'backfill-server',
    title: 'First load from a server',
    about:
      'A collection on a server becomes a table. Reading it alone, by the driver and into nothing, is the part of the time that is the server’s. Processor and memory are without the server.',
    documents: base.rows,
  };
  const names = ['mongolake', 'reading alone'];
  if (!mongodb.available) return { ...scenario, contenders: names.map((name) => ({ name, reason: mongodb.reason })) };
  const source: ServerSource = { uri: mongodb.uri, database: 'bench', collection: `notifications-${base.rows}` };
  const loaded = once(() => load(source, base));
  return { ...scenario, contenders: [ours(lab, source, loaded), readingAlone(lab, source, loaded)] };
}

function ours(lab: Lab, source: ServerSource, loaded: () => Promise<void>): Contender {
  const rows = lab.small.rows;
  const agree = agreement(lab, rows);
  return {
    name: 'mongolake',
    async prepare() {
      await loaded();
      const folder = join(lab.work, 'backfill-server');
      const table = join(folder, 'lake');
      configure(folder, { source, table, settings: {} });
      return {
        reset: () => remove(table),
        job: mongolake(folder, 'backfill'),
        idle: mongolake(folder, '--version'),
        async inspect(stdout) {
          const { inserted } = countsOf(stdout);
          if (inserted !== rows) throw new Error(`mongolake inserted ${inserted} rows, not ${rows}`);
          await agree('delta', table);
          return parquetIn(table);
        },
      };
    },
  };
}

function readingAlone(lab: Lab, { uri, database, collection }: ServerSource, loaded: () => Promise<void>): Contender {
  const command = (...args: string[]) => ({ program: process.execPath, args: [READER, uri, ...args], cwd: lab.work });
  return {
    name: 'reading alone',
    async prepare() {
      await loaded();
      return {
        reset() {},
        job: command(database, collection),
        idle: command(),
        async inspect(stdout) {
          const { documents } = JSON.parse(stdout) as { readonly documents: number };
          if (documents !== lab.small.rows) throw new Error(`${documents} documents were read, not ${lab.small.rows}`);
          return {};
        },
      };
    },
  };
}

async function load({ uri, database, collection }: ServerSource, base: Base): Promise<void> {
  const client = await MongoClient.connect(uri);
  try {
    const target = client.db(database).collection(collection);
    await target.drop().catch(() => undefined);
    for (let from = 0; from < base.rows; from += INSERTED_AT_ONCE) {
      const length = Math.min(INSERTED_AT_ONCE, base.rows - from);
      await target.insertMany(Array.from({ length }, (_, i) => documentAt(from + i, base)));
    }
    await target.createIndex({ updateTime: 1 });
  } finally {
    await client.close();
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
