import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { required } from '../result.ts';
import { type S3Access, s3Client } from '../s3.ts';
import { prepareReaders, prepareSpark } from './install.ts';
import { type ReaderProcess, type Row, startReader } from './process.ts';

/** Engines that read Delta tables and are not ours. */
export type Engine = 'duckdb' | 'deltars' | 'polars' | 'spark';

/** The light engines, all from one Python environment. */
export const LIGHT_ENGINES = ['duckdb', 'deltars', 'polars'] as const satisfies readonly Engine[];

/** What to read of a table; all of its newest version where nothing is given. */
export interface ReadOptions {
  /** Delta version (time travel). */
  readonly version?: number;
  readonly columns?: readonly string[];
  /** SQL condition, pushed down as far as the engine can. Double-quote names for duckdb, deltars, polars; backquote for spark. */
  readonly where?: string;
  /** Default: `_id` where the table has it. Strings in UTF-8 byte order. */
  readonly orderBy?: readonly string[];
  /** Of duckdb: what is run first, and the view that is read then instead of the table. */
  readonly statements?: readonly string[];
  readonly view?: string;
  /** Needed for s3:// tables. */
  readonly s3?: S3Access;
}

const processes = new Map<string, ReaderProcess>();

/**
 * The rows of a Delta table as another engine sees them. `table` is a local path, a file: URI or s3://bucket/prefix (Spark gets
 * a local copy of that). In a row: timestamps are ISO 8601 in UTC with microseconds (`2024-01-02T03:04:05.678901Z`), NaN and infinities
 * `"NaN"`, `"Infinity"`, `"-Infinity"`, binary is lower-case hex, decimals strings, integers beyond 2^53 bigint, structs objects.
 * Throws what the engine says. An engine's process is started by its first call (Spark: about 10 s) and kept for the next ones.
 */
export async function readTable(engine: Engine, table: string, options: ReadOptions = {}): Promise<Row[]> {
  const { s3, ...request } = options;
  if (!table.startsWith('s3://')) {
    return (await readerFor(engine, undefined)).read({ ...request, table: localPath(table) });
  }
  if (!s3) throw new Error(`${table}: how to reach the store is not given (options.s3)`);
  if (engine !== 'spark') return (await readerFor(engine, s3)).read({ ...request, table });
  const copy = await copyFromS3(table, s3);
  try {
    return await (await readerFor(engine, undefined)).read({ ...request, table: copy });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Ends the engines' processes that `readTable` started. They end with this process anyway. */
export async function closeReaders(): Promise<void> {
  const open = [...processes.values()];
  processes.clear();
  await Promise.all(open.map((reader) => reader.close()));
}

async function readerFor(engine: Engine, s3: S3Access | undefined): Promise<ReaderProcess> {
  const python = required(await (engine === 'spark' ? prepareSpark() : prepareReaders()));
  const env = s3 ? s3Environment(s3) : {};
  const key = JSON.stringify([engine, env]);
  const known = processes.get(key);
  if (known?.alive()) return known;
  const started = startReader(engine, python, env);
  processes.set(key, started);
  return started;
}

function s3Environment(s3: S3Access): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}

function localPath(table: string): string {
  if (table.startsWith('file://')) return fileURLToPath(table);
  return resolve(table.startsWith('file:') ? table.slice('file:'.length) : table);
}

async function copyFromS3(table: string, s3: S3Access): Promise<string> {
  const { hostname: bucket, pathname } = new URL(table);
  const prefix = decodeURIComponent(pathname).replace(/^\/|\/$/g, '');
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-table-'));
  const client = s3Client(s3);
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}/` })) {
      for (const { Key: key } of page.Contents ?? []) {
        if (!key || key.endsWith('/')) continue;
        const file = join(folder, key.slice(prefix.length + 1));
        const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, (await object.Body?.transformToByteArray()) ?? '');
      }
    }
  } finally {
    client.destroy();
  }
  return folder;
}
