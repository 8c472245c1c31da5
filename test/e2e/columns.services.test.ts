import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Document, serialize } from 'bson';
import { parquetReadObjects } from 'hyparquet';
import { Redis } from 'ioredis';
import { Decimal128, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BSON } from '../../src/shared/domain/bson.ts';
import { unpackBlocks } from '../../src/shared/packing.ts';
import { describeWith } from '../services/context.ts';
import { LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { documentOf, element, text } from '../shared/domain/bson-bytes.ts';
import { type Workspace, workspace } from './cli.ts';
import { type RecordingStore, recordingStore } from './recording-store.ts';
import { type Watch, watch } from './watch.ts';

const KEY = 'a-key-of-the-tests-that-nobody-knows';
const CANARY = 'canary';
const AT = new Date('2026-01-01T00:00:00Z');
const hash = (value: string) => createHmac('sha256', KEY).update(value).digest('hex');

const COLUMNS = {
  exclude: ['passport', 'guest.passport', 'guests.passport', 'object'],
  hash: ['_id', 'email', 'guest.email', 'guests.email', 'phones', 'profile'],
  rename: { 'guest.email': 'mail', name: 'bird' },
  decimal: { price: 'decimal(10,2)', big: 'decimal(38,4)' },
  json: ['payload'],
};

const document = (n: number): Document => ({
  _id: `${CANARY}-id-${n}`,
  name: 'robin',
  passport: `${CANARY}-top`,
  email: `${CANARY}@top`,
  guest: { passport: { no: `${CANARY}-nested` }, email: `${CANARY}@nested` },
  guests: [
    { passport: `${CANARY}-array`, email: `${CANARY}@array` },
    [{ passport: [CANARY], email: [CANARY, null] }],
    5,
  ],
  phones: [`${CANARY}-1`, [`${CANARY}-2`]],
  profile: { deep: { er: [CANARY] } },
  object: { [`${CANARY}-name`]: 1 },
  payload: n === 1 ? { free: ['form', 1] } : n,
  price: Decimal128.fromString(`${n}.50`),
  big: Decimal128.fromString('-123456789012345678901234567890.1234'),
  updateTime: AT,
});

/** Fields of one name twice: both are left out, or both hashed, which no table can hold. */
const twice = (name: string, n: number) =>
  documentOf([
    element(BSON.string, '_id', text(`${CANARY}-twice-${n}`)),
    element(BSON.string, name, text(`${CANARY}-one`)),
    element(BSON.string, name, text(`${CANARY}-two`)),
    element(BSON.date, 'updateTime', Buffer.alloc(8)),
  ]);

/** A child longer than its parent, in an intact frame. */
function broken(): Buffer {
  const bytes = Buffer.from(
    serialize({ _id: `${CANARY}-broken`, email: `${CANARY}@broken`, guest: { passport: CANARY } }),
  );
  bytes.writeInt32LE(10_000, bytes.indexOf('guest\0') + 6);
  return bytes;
}

const row = (n: number) => ({
  _id: hash(`${CANARY}-id-${n}`),
  bird: 'robin',
  email: hash(`${CANARY}@top`),
  guest: { mail: hash(`${CANARY}@nested`) },
  profile: hash(`{"deep":{"er":["${CANARY}"]}}`),
  payload: n === 1 ? '{"free":["form",{"$numberInt":"1"}]}' : `{"$numberInt":"${n}"}`,
  price: `${n}.50`,
  big: '-123456789012345678901234567890.1234',
});

describeWith(['redis', 's3', 'mongodb', 'readers'], 'a column policy', ({ redis, s3, mongodb }) => {
  let client: MongoClient;
  let store: RecordingStore;
  let source: Watch;
  let space: Workspace;
  let written: Redis;
  /** Every command that reached Redis. */
  const commands: string[] = [];
  /** What the commands printed. */
  const printed: string[] = [];

  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    store = await recordingStore(s3.endpoint);
    const uri = new URL(mongodb.uri);
    source = await watch(Number(uri.port));
    uri.port = String(source.port);
    uri.searchParams.set('directConnection', 'true');
    const { region, accessKeyId, secretAccessKey } = s3;
    const table = (name: string) => ({ connection: 'lake', uri: `s3://${s3.bucket}/${name}` });
    space = workspace(
      {
        version: 1,
        hashKey: `\${HASH_KEY}`,
        connections: {
          live: { kind: 'mongodb', uri: uri.href },
          dump: { kind: 'dump', path: './dump/birds.bson' },
          broken: { kind: 'dump', path: './broken/birds.bson' },
          lake: {
            kind: 's3',
            region,
            endpoint: store.endpoint,
            forcePathStyle: true,
            credentials: { accessKeyId, secretAccessKey },
          },
        },
        queue: { kind: 'redis', url: redis.url, prefix: redis.prefix },
        defaults: { partitions: 2, compression: 'snappy', columns: COLUMNS },
        pipelines: {
          live: {
            source: { connection: 'live', database: mongodb.database, collections: ['birds'] },
            table: table('live'),
          },
          dump: { source: { connection: 'dump' }, table: table('dump') },
          broken: { source: { connection: 'broken' }, table: table('broken') },
        },
      },
      { HASH_KEY: KEY },
    );
    written = await new Redis(redis.url).monitor();
    written.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')));
  });
  afterAll(async () => {
    written?.disconnect();
    await space?.close();
    await source?.close();
    await store?.close();
    await client?.close();
  });

  const run = async (...args: string[]) => {
    const ended = await space.run('--log-level', 'debug', ...args);
    printed.push(ended.stdout, ended.stderr);
    return ended;
  };

  it('shows readers what it leaves, and nothing that was staged, logged or queued has more', async () => {
    const collection = client.db(mongodb.database).collection<Document>('birds');
    // FerretDB stores neither decimals nor arrays in arrays.
    const { price: _price, big: _big, guests, phones, ...plain } = document(1);
    const simple = { ...plain, guests: guests.slice(0, 1), phones: phones.slice(0, 1), price: 1, big: 2 };
    await collection.insertMany([simple as Document, { ...simple, _id: `${CANARY}-id-2` }]);
    const bytes = [document(1), document(2), document(3)].map((one) => Buffer.from(serialize(one)));
    mkdirSync(`${space.folder}/dump`);
    writeFileSync(`${space.folder}/dump/birds.bson`, Buffer.concat([...bytes, twice('passport', 1)]));
    mkdirSync(`${space.folder}/broken`);

    const worker = space.start('--log-level', 'debug', 'worker');
    await worker.line('worker started');
    for (const name of ['live', 'dump']) {
      expect(await run('check', name)).toMatchObject({ code: 0 });
      expect(await run('sync', name)).toMatchObject({ code: 0 });
    }
    // Whether these are refused or put aside, no byte of theirs is kept.
    for (const one of [broken(), twice('email', 2), twice('_id', 3)]) {
      writeFileSync(`${space.folder}/broken/birds.bson`, Buffer.concat([one, ...bytes]));
      await run('sync', 'broken');
    }
    printed.push(...worker.lines);
    expect(await worker.end('SIGTERM')).toBe(0);

    for (const engine of LIGHT_ENGINES) {
      const rows = await readTable(engine, `s3://${s3.bucket}/dump`, { s3 });
      expect(rows).toHaveLength(4);
      for (const n of [1, 2, 3]) expect(rows.find(({ _id }) => _id === row(n)._id)).toMatchObject(row(n));
      const [live] = await readTable(engine, `s3://${s3.bucket}/live`, { s3, where: `_id = '${row(1)._id}'` });
      expect(live).toMatchObject({ ...row(1), price: '1.00', big: '2.0000' });
    }

    expect(source.answered('robin')).toBe(true);
    expect(source.answered(`${CANARY}@top`)).toBe(true);
    for (const excluded of ['top', 'nested', 'array', 'name'])
      expect(source.answered(`${CANARY}-${excluded}`)).toBe(false);

    const objects = await Promise.all(
      store.puts.map(async ({ key, body }) => [key, await decoded(key, body)] as const),
    );
    const places = new Map([...objects, ['logs', printed.join('\n')], ['Redis', commands.join('\n')]]);
    const kinds = ['/segments/', '/receipts/', '/plan.json', '/schema.json', '.parquet', '/_delta_log/'];
    for (const kind of kinds)
      expect(
        [...places.keys()].some((key) => key.includes(kind)),
        kind,
      ).toBe(true);
    expect([...places].filter(([key, all]) => key.includes('/segments/') && !all.includes('robin'))).toEqual([]);
    expect(places.get('Redis')).toContain('extract');
    for (const [place, all] of places) {
      expect(all.includes(CANARY), `a value in ${place}`).toBe(false);
      expect(all.includes(KEY), `the key in ${place}`).toBe(false);
    }
  });
});

/** All that is in an object, as text: unpacked, and a data file's values beside its bytes. */
async function decoded(key: string, body: Buffer): Promise<string> {
  if (key.endsWith('.bson.snappy')) return Buffer.concat([...unpackBlocks(body)]).toString('latin1');
  if (!key.endsWith('.parquet') || body.length === 0) return body.toString('latin1');
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.length) as ArrayBuffer;
  const values = await parquetReadObjects({ file });
  const json = JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return `${json}\n${body.toString('latin1')}`;
}
