import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Decimal128, type Document, Double, deserialize, deserializeStream, Long, ObjectId, serialize } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changes, isChanged, notifications, samplePlan } from '../../examples/sample/collection.ts';
import { writeDump } from '../../examples/sample/dump.ts';
import { DAY_MS, type Notification } from '../../examples/sample/notification.ts';

const AS_OF = Date.parse('2026-06-01T00:00:00Z');
const RAW = { promoteValues: false, promoteLongs: false } as const;

function bytesOf(documents: Iterable<Notification>): Buffer {
  return Buffer.concat([...documents].map((document) => serialize(document)));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function byId(documents: Iterable<Notification>): Map<string, Notification> {
  return new Map([...documents].map((document) => [document._id.toHexString(), document]));
}

const documents = [...notifications({ docs: 5000 })];

describe('the collection', () => {
  it('is the same bytes for the same options, on every machine', () => {
    expect(sha256(bytesOf(notifications({ docs: 1000, seed: 1 })))).toBe(
      'd9cd97126df213bf32cc553ec27a79bf7aeaf6f0a8b4a294ded28d023646cb94',
    );
    expect(sha256(bytesOf(notifications({ docs: 1000, seed: 1, day: 2 })))).toBe(
      '576184ba2bc42e79dfa55dc30c2545114c155b80949c6a955a5bf6177f30c5a5',
    );
  });

  it('differs with the seed', () => {
    const [one, two] = [byId(notifications({ docs: 1000, seed: 1 })), byId(notifications({ docs: 1000, seed: 2 }))];
    expect([...one.keys()].filter((id) => two.has(id))).toEqual([]);
  });

  it('has unique ids that rise with createTime, and no time after its end', () => {
    const ids = documents.map(({ _id }) => _id.toHexString());
    const created = documents.map(({ createTime }) => createTime.getTime());
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(created).toEqual(created.toSorted((a, b) => a - b));
    expect(documents.map(({ _id }) => _id.getTimestamp().getTime())).toEqual(created.map((ms) => ms - (ms % 1000)));
    const misplaced = documents.filter(({ createTime, attempts, updateTime }) => {
      const times = [createTime, ...attempts.map(({ at }) => at), updateTime].map((time) => time.getTime());
      return times.some((time, step) => time >= AS_OF || time < (times[step - 1] ?? 0));
    });
    expect(misplaced).toEqual([]);
    expect(documents[0]?.createTime.getTime()).toBeLessThan(AS_OF - 89 * DAY_MS);
  });

  it('names the option that is out of range', () => {
    expect(() => samplePlan({ docs: 1.5 })).toThrow(/^docs/);
    expect(() => samplePlan({ docs: 1, seed: -1 })).toThrow(/^seed/);
    expect(() => samplePlan({ docs: 1, updateRatio: 1.01 })).toThrow(/^updateRatio/);
    expect(() => samplePlan({ docs: 1, asOf: new Date(Number.NaN) })).toThrow(/^asOf/);
  });
});

describe('a document', () => {
  it('has 350 to 800 bytes', () => {
    const sizes = documents.map((document) => serialize(document).length).sort((a, b) => a - b);
    expect(sizes[0]).toBeGreaterThan(350);
    expect(sizes[Math.floor(sizes.length * 0.95)]).toBeLessThan(600);
    expect(sizes.at(-1)).toBeLessThan(800);
  });

  it('is nested and holds every type', () => {
    const raw = documents.map((document) => deserialize(serialize(document), RAW));
    const types = (value: (document: Document) => unknown) => new Set(raw.map((document) => typeName(value(document))));
    expect(types(({ _id }) => _id)).toEqual(new Set(['ObjectId']));
    expect(types(({ sequence }) => sequence)).toEqual(new Set(['Long']));
    expect(types(({ booking }) => booking.nights)).toEqual(new Set(['Int32']));
    expect(types(({ booking }) => booking.checkIn)).toEqual(new Set(['Date']));
    expect(types(({ cost }) => cost)).toEqual(new Set(['Double']));
    expect(types(({ consent }) => consent)).toEqual(new Set(['boolean']));
    expect(types(({ subject }) => subject)).toEqual(new Set(['string', 'null']));
    expect(types(({ price }) => price?.amount)).toEqual(new Set(['Decimal128', 'Double', 'undefined']));
    expect(types(({ campaign }) => campaign)).toEqual(new Set(['string', 'undefined']));
    expect(types(({ failure }) => failure?.permanent)).toEqual(new Set(['boolean', 'undefined']));
    expect(types(({ attempts }) => attempts[0]?.code)).toEqual(new Set(['Int32', 'undefined']));
    expect(types(({ tags }) => tags[0])).toEqual(new Set(['string', 'undefined']));
    expect(new Set(documents.map(({ status }) => status)).size).toBe(5);
    expect(new Set(documents.map(({ channel }) => channel)).size).toBe(4);
    expect(documents.some(({ guestName }) => /\p{Extended_Pictographic}/u.test(guestName))).toBe(true);
  });

  it('numbers documents beyond the exact range of a double', () => {
    expect(documents.slice(0, 3).map(({ sequence }) => sequence.toString())).toEqual([
      '9007199254740993',
      '9007199254740995',
      '9007199254740997',
    ]);
    expect(documents.every(({ sequence }) => Long.fromString(sequence.toString()).equals(sequence))).toBe(true);
  });

  it('has prices whose decimals are the canonical ones of their text', () => {
    for (const { price } of documents) {
      if (!(price?.amount instanceof Decimal128)) continue;
      expect(price.amount.toString()).toMatch(price.currency === 'JPY' ? /^\d+$/ : /^\d+\.\d\d$/);
      expect(Buffer.compare(price.amount.bytes, Decimal128.fromString(price.amount.toString()).bytes)).toBe(0);
    }
  });

  it('leaves out Decimal128 on request, and changes nothing else', () => {
    const plain = [...notifications({ docs: 500, decimals: false })];
    expect(plain.every(({ price }) => !price || price.amount instanceof Double)).toBe(true);
    const withoutPrice = ({ price: _, ...rest }: Notification) => rest;
    expect(plain.map(withoutPrice)).toEqual([...notifications({ docs: 500 })].map(withoutPrice));
  });
});

describe('day two', () => {
  const docs = 20_000;
  const before = [...notifications({ docs })];
  const after = byId(notifications({ docs, day: 2 }));

  it('changes 2% of the documents, 95% of them among the newest 5%, and adds 1%', () => {
    const updated = before.flatMap((document, index) =>
      serializedEqual(document, after.get(document._id.toHexString())) ? [] : [index],
    );
    expect(updated).toHaveLength(400);
    expect(updated.filter((index) => index >= docs * 0.95)).toHaveLength(380);
    expect(after.size).toBe(docs + 200);
  });

  it('moves on what it changes: status, updateTime and attempts, within the day', () => {
    for (const document of before) {
      const now = after.get(document._id.toHexString());
      if (!now || serializedEqual(document, now)) continue;
      expect(now.status).not.toBe(document.status);
      expect(now.attempts.slice(0, -1)).toEqual(document.attempts);
      expect(now.attempts.at(-1)?.at).toEqual(now.updateTime);
      expect(now.updateTime.getTime()).toBeGreaterThan(AS_OF);
      expect(now.updateTime.getTime()).toBeLessThan(AS_OF + DAY_MS);
      expect('failure' in now).toBe(now.status === 'failed');
      expect(now.createTime).toEqual(document.createTime);
    }
  });

  it('adds documents created in the day, with greater ids', () => {
    const lastId = before.at(-1)?._id.toHexString() ?? '';
    const known = new Set(before.map(({ _id }) => _id.toHexString()));
    const inserted = [...after].filter(([id]) => !known.has(id));
    for (const [id, { createTime, updateTime }] of inserted) {
      expect(id > lastId).toBe(true);
      expect(createTime.getTime()).toBeGreaterThanOrEqual(AS_OF);
      expect(updateTime.getTime()).toBeLessThan(AS_OF + DAY_MS);
    }
  });

  it('is what its changes make of day one', () => {
    const applied = byId(notifications({ docs: 3000 }));
    for (const document of changes({ docs: 3000, day: 2 })) applied.set(document._id.toHexString(), document);
    expect(bytesOf(applied.values()).equals(bytesOf(notifications({ docs: 3000, day: 2 })))).toBe(true);
    expect([...changes({ docs: 3000, day: 2 })]).toHaveLength(60 + 30);
    expect([...changes({ docs: 300 })]).toHaveLength(300);
  });
});

describe('the ratios of day two', () => {
  it.each([
    { docs: 1000, updateRatio: 0, insertRatio: 0 },
    { docs: 1000, updateRatio: 0.5, insertRatio: 1 },
    { docs: 1000, updateRatio: 1, insertRatio: 0 },
    { docs: 7, updateRatio: 0.4, insertRatio: 0.4 },
    { docs: 1, updateRatio: 1, insertRatio: 1 },
    { docs: 0, updateRatio: 1, insertRatio: 1 },
  ])('changes exactly as many as asked for: $docs documents, $updateRatio and $insertRatio', (options) => {
    const plan = samplePlan({ ...options, day: 2 });
    const changed = Array.from({ length: plan.docs }, (_, index) => index).filter((index) => isChanged(index, plan));
    expect(changed).toHaveLength(Math.round(options.docs * options.updateRatio));
    expect(byId(notifications({ ...options, day: 2 })).size).toBe(options.docs + plan.inserted);
  });
});

let out: string;

beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'mongolake-sample-'));
});

afterEach(async () => {
  await rm(out, { recursive: true });
});

describe('the dump', () => {
  it('is laid out as mongodump does it, its documents back to back over several chunks', async () => {
    const summary = await writeDump({ docs: 5000, out });
    const file = await readFile(join(out, 'guest', 'notifications.bson'));
    expect(summary).toEqual({
      path: join(out, 'guest', 'notifications.bson'),
      documents: 5000,
      bytes: file.length,
      updated: 0,
      inserted: 0,
      startedAt: new Date(AS_OF),
    });
    expect(file.length).toBeGreaterThan(2 << 20);
    expect(file.equals(bytesOf(notifications({ docs: 5000 })))).toBe(true);
    const read: Document[] = Array.from({ length: 5000 });
    expect(deserializeStream(file, 0, 5000, read, 0, {})).toBe(file.length);
    expect(read.every(({ _id }) => _id instanceof ObjectId)).toBe(true);
    const metadata = JSON.parse(await readFile(join(out, 'guest', 'notifications.metadata.json'), 'utf8'));
    expect(metadata).toMatchObject({ collectionName: 'notifications', type: 'collection' });
    expect(metadata.indexes.map(({ name }: { name: string }) => name)).toEqual(['_id_', 'updateTime_1']);
    expect(metadata.uuid).toMatch(/^[0-9a-f]{32}$/);
  });

  it('says when it was started: at the end of its day', async () => {
    const about = async () => JSON.parse(await readFile(join(out, 'guest', 'mongolake-dump.json'), 'utf8'));
    await writeDump({ docs: 10, out });
    expect(await about()).toEqual({ startedAt: '2026-06-01T00:00:00.000Z' });
    await writeDump({ docs: 10, out, day: 2, asOf: new Date('2025-12-31T12:00:00Z') });
    expect(await about()).toEqual({ startedAt: '2026-01-01T12:00:00.000Z' });
  });

  it('with gzip is the same once unpacked, and replaces what was there', async () => {
    await writeDump({ docs: 100, out });
    await writeFile(join(out, 'guest', 'notifications.bson.partial'), 'broken off');
    const { bytes } = await writeDump({ docs: 3000, day: 2, out, gzip: true });
    expect((await readdir(join(out, 'guest'))).sort()).toEqual([
      'mongolake-dump.json',
      'notifications.bson.gz',
      'notifications.metadata.json.gz',
    ]);
    const unpacked = gunzipSync(await readFile(join(out, 'guest', 'notifications.bson.gz')));
    expect(unpacked).toHaveLength(bytes);
    expect(sha256(unpacked)).toBe(sha256(bytesOf(notifications({ docs: 3000, day: 2 }))));
  });

  it('of no documents is an empty file', async () => {
    expect(await writeDump({ docs: 0, out })).toMatchObject({ documents: 0, bytes: 0 });
    expect(await readFile(join(out, 'guest', 'notifications.bson'))).toHaveLength(0);
  });
});

describe('the command', () => {
  it('writes a dump and prints a summary', async () => {
    const main = join(import.meta.dirname, '../../examples/sample/main.ts');
    const run = (...flags: string[]) => promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...flags]);
    const { stdout, stderr } = await run('--docs', '1000', '--seed', '7', '--day', '2', '--out', out);
    const bytes = bytesOf(notifications({ docs: 1000, seed: 7, day: 2 })).length.toLocaleString('en-US');
    expect(stdout.split('\n')).toEqual([
      'guest.notifications, seed 7, day 2',
      `  1,010 documents, ${bytes} bytes of BSON`,
      '  20 updated, 10 inserted since day 1',
      '  started at 2026-06-02T00:00:00.000Z',
      `  ${join(out, 'guest', 'notifications.bson')}`,
      '',
    ]);
    expect(stderr).toBe('');
    await expect(run('--docs', 'many')).rejects.toThrow(/whole number/);
    await expect(run('--mongodb', 'mongodb://localhost', '--out', out)).rejects.toThrow(/cannot be used/);
  }, 30_000);
});

function serializedEqual(one: Notification, other: Notification | undefined): boolean {
  return other !== undefined && Buffer.from(serialize(one)).equals(serialize(other));
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value instanceof Date) return 'Date';
  if (typeof value !== 'object') return typeof value;
  return '_bsontype' in value ? String(value._bsontype) : 'object';
}
