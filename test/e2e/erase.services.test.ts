import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import { serialize } from 'bson';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unpackBlocks } from '../../src/shared/packing.ts';
import { describeWith } from '../services/context.ts';
import { type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { s3Client } from '../services/s3.ts';
import { documentOf, element, text } from '../shared/domain/bson-bytes.ts';
import { type Workspace, workspace } from './cli.ts';

const ENGINES: readonly Engine[] = [...LIGHT_ENGINES, 'spark'];
/** Spark's first reading takes minutes where others want the machine too. */
const SLOW_MS = 400_000;
const START = Date.parse('2026-05-01T00:00:00Z');
const MINUTE = 60_000;
const CANARY = 'canary-7d1e';
const ID = 'person-4711';

/** What `erase --json` prints of one table. */
interface ErasedJson {
  readonly status: string;
  readonly version: number | null;
  readonly deleted: number;
  readonly notFound: readonly string[];
  readonly proof: readonly { readonly object: string; readonly gone: boolean }[];
}

const person = (_id: string, minutes: number, more: object = {}) =>
  Buffer.from(serialize({ _id, updateTime: new Date(START + minutes * MINUTE), ...more }));

/** One with a field twice, which can not be stored. */
function broken(id: string, minutes: number, name = CANARY): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigInt64LE(BigInt(START + minutes * MINUTE));
  return documentOf([
    element(2, '_id', text(id)),
    element(9, 'updateTime', time),
    element(2, 'a', text(name)),
    element(2, 'a', text('b')),
  ]);
}

const others = Array.from({ length: 200 }, (_, n) => person(`person-${n}`, 0, { name: `n${n}` }));

function config(table: object, more: object = {}): object {
  return {
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' }, ...more },
    defaults: { partitions: 4, allowedLateness: '1s', checkpointInterval: 3 },
    pipelines: {
      guest: { source: { connection: 'guest', database: 'guest', collections: ['notifications'] }, table },
    },
  };
}

/** A dump that was started at a minute. */
function dump(space: Workspace, documents: readonly Buffer[], minutes: number): void {
  const folder = join(space.folder, 'dump/guest');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'notifications.bson'), Buffer.concat(documents));
  const startedAt = new Date(START + minutes * MINUTE).toISOString();
  writeFileSync(join(folder, 'mongolake-dump.json'), JSON.stringify({ startedAt }));
}

/** Loads the document, changes it, puts a state of it aside, and compares: versions 0 to 3, with a checkpoint. */
async function history(space: Workspace): Promise<void> {
  dump(space, [...others, person(ID, 1, { name: CANARY })], 5);
  await space.json('sync');
  dump(space, [...others, person(ID, 10, { name: `${CANARY} again` })], 15);
  await space.json('sync');
  dump(space, [...others, person('person-new', 20), person(ID, 10, { name: `${CANARY} again` })], 25);
  await space.json('sync');
  dump(space, [...others, person('person-new', 20), broken(ID, 30), broken('person-5', 30, 'other')], 35);
  expect((await space.json('sync')).results).toMatchObject([{ version: 3, quarantined: 2 }]);
  await space.json('verify');
}

const erase = async (space: Workspace, ...args: string[]) => {
  const { ended, results } = await space.json('erase', ...args);
  return { code: ended.code, ...(results[0] as unknown as ErasedJson) };
};

/** Files below a folder that hold the text: as it is, or within what is packed. */
async function holding(folder: string, wanted: string): Promise<string[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const found: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    const parts: Buffer[] = [bytes];
    if (name.endsWith('.snappy')) parts.push(...unpackBlocks(bytes));
    if (name.endsWith('.parquet')) {
      const rows = await connection.runAndReadAll(`SELECT CAST(to_json(t) AS VARCHAR) FROM read_parquet('${path}') t`);
      parts.push(Buffer.from(JSON.stringify(rows.getRows())));
    }
    if (parts.some((part) => part.includes(wanted))) found.push(name);
  }
  connection.closeSync();
  return found;
}

describeWith(['readers', 'spark'], 'an id that is erased from a table in a folder and its history', () => {
  let space: Workspace;
  const folder = () => join(space.folder, 'lake/notifications');
  const ids = async (engine: Engine) => (await readTable(engine, folder(), { columns: ['_id'] })).map((row) => row._id);

  beforeAll(async () => {
    space = workspace(config({ uri: 'file:./lake/{collection}' }));
    await history(space);
  }, SLOW_MS);
  afterAll(() => space.close());

  it(
    'is in no object any more, nor is its document, and no later dump brings it back',
    async () => {
      const before = await holding(folder(), CANARY);
      expect(new Set(before.map((name) => dirname(name).split('/').slice(0, 2).join('/')))).toEqual(
        new Set([
          '_delta_log',
          '_mongolake/quarantine',
          ...before.filter((name) => name.startsWith('data/')).map(dirname),
        ]),
      );
      const preview = await erase(space, '--id', ID, '--purge', '--dry-run');
      expect(preview).toMatchObject({ code: 0, status: 'dry-run', rows: 1, quarantined: 1 });
      expect(await holding(folder(), CANARY)).toEqual(before);
      writeFileSync(join(space.folder, 'ids.txt'), `\n${ID}\n\nnobody\r\n`);
      const erased = await erase(space, '--ids-file', join(space.folder, 'ids.txt'), '--purge');
      expect(erased).toMatchObject({ code: 0, status: 'purged', version: 5, deleted: 1, notFound: ['nobody'] });
      expect(erased.proof.filter(({ gone }) => !gone)).toEqual([]);
      expect(erased.proof.map(({ object }) => object)).toEqual(expect.arrayContaining(before));
      expect([await holding(folder(), CANARY), await holding(folder(), ID)]).toEqual([[], []]);

      dump(space, [...others, person('person-new', 20), person(ID, 40, { name: CANARY }), broken(ID, 41)], 45);
      expect((await space.json('sync')).results).toMatchObject([{ read: 2, inserted: 0, erased: 2, quarantined: 0 }]);
      expect((await space.json('backfill', '--replace')).results).toMatchObject([{ inserted: 201, erased: 2 }]);
      expect((await space.json('verify', '--deep')).results).toMatchObject([{ status: 'equal', rows: 201 }]);
      expect([await holding(folder(), CANARY), await holding(folder(), ID)]).toEqual([[], []]);
    },
    SLOW_MS,
  );

  it.each(ENGINES)(
    '%s reads the newest version, and none that was given up',
    async (engine) => {
      const read = await ids(engine);
      expect([read.length, read.includes(ID)]).toEqual([201, false]);
      await expect(readTable(engine, folder(), { version: 2 })).rejects.toThrow();
    },
    SLOW_MS,
  );

  it('says in words what was done, and what can not be', async () => {
    expect((await space.run('history')).stdout).toMatch(/PURGE +no files[\s\S]*PURGED by 5 +no files/);
    const restored = await space.run('restore', '--version', '1');
    expect([restored.code, restored.stderr]).toEqual([
      1,
      expect.stringContaining('given up by the purge of version 5'),
    ]);
    const again = await space.run('erase', '--id', ID, '--purge');
    expect(again.stdout).toMatch(/not found: person-4711[\s\S]*proved/);
    expect((await space.run('erase')).code).toBe(64);
    expect((await space.run('erase', '--id', ID, '--purge', '--allow')).code).toBe(64);
    expect((await space.json('vacuum')).results).toMatchObject([{ status: 'unchanged' }]);
  });
});

describeWith(['s3', 'redis', 'readers'], 'an id that is erased from a table on S3', ({ s3, redis }) => {
  let space: Workspace;
  const uri = () => `s3://${s3.bucket}/lake/notifications`;

  beforeAll(async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    const lake = { kind: 's3', endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } };
    const table = { connection: 'lake', uri: `s3://${s3.bucket}/lake/{collection}` };
    space = workspace({ ...config(table, { lake }), queue: { kind: 'redis', url: redis.url } });
    space.start('worker', '--concurrency', '2');
    await history(space);
  }, SLOW_MS);
  afterAll(() => space.close());

  /** A copy of every object of the table. */
  async function copied(name: string): Promise<string> {
    const client = s3Client(s3);
    const folder = join(space.folder, name);
    mkdirSync(folder);
    for await (const page of paginateListObjectsV2({ client }, { Bucket: s3.bucket, Prefix: 'lake/notifications/' })) {
      for (const { Key = '' } of page.Contents ?? []) {
        const path = join(folder, Key);
        mkdirSync(dirname(path), { recursive: true });
        const object = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
        writeFileSync(path, (await object.Body?.transformToByteArray()) ?? '');
      }
    }
    client.destroy();
    return folder;
  }

  it(
    'is in no object any more, nor is its document',
    async () => {
      expect((await holding(await copied('before'), CANARY)).length).toBeGreaterThan(5);
      expect(await erase(space, '--id', ID, '--purge')).toMatchObject({ code: 0, status: 'purged', deleted: 1 });
      const after = await copied('after');
      expect([await holding(after, CANARY), await holding(after, ID)]).toEqual([[], []]);
      const rows = await readTable('duckdb', uri(), { columns: ['_id'], s3 });
      expect(rows).toHaveLength(201);
    },
    SLOW_MS,
  );
});
