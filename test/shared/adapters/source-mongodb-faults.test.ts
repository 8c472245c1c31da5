import { inspect } from 'node:util';
import { type Document, Int32, ObjectId, serialize } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { ExtractRange } from '../../../src/shared/domain/job.ts';
import type { RawBatch, Source } from '../../../src/shared/ports/source.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { collect, split } from '../../contracts/source-documents.ts';
import { cursorReply, type FakeAnswer, failure, fakeMongod } from '../../contracts/source-mongodb-fake.ts';

const FULL: ExtractRange = { scope: { kind: 'full' }, part: null };
const FROM = Date.UTC(2026, 0, 1);
const WINDOW: ExtractRange = {
  scope: { kind: 'window', cursor: { field: 'at', type: 'date' }, from: FROM, to: FROM + 1e6 },
  part: null,
};
const documents = Array.from({ length: 6 }, (_, index) => ({ _id: new Int32(index), at: new Date(FROM + index + 1) }));
const encoded = documents.map((each) => Buffer.from(serialize(each)));

const toClose: { close(): Promise<void> }[] = [];
let clock: ReturnType<typeof instantClock>;

beforeEach(() => {
  clock = instantClock();
});
afterEach(async () => {
  for (const each of toClose.splice(0).reverse()) await each.close();
});

async function fake(answer: (command: Document, index: number) => FakeAnswer | undefined) {
  const server = await fakeMongod(answer);
  toClose.push(server);
  return server;
}

function sourceAt(uri: string, tries?: number): Source {
  const options = { uri, database: 'test', collection: 'c', serverSelectionTimeoutMS: 300 };
  const source = mongodbSource(tries === undefined ? options : { ...options, tries }, clock);
  toClose.push(source);
  return source;
}

const named = (commands: readonly Document[], name: string) => commands.filter((each) => Object.keys(each)[0] === name);

/** Everything of an error that could be logged. */
const printed = (error: unknown) => inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error);

async function failureOf(promise: Promise<unknown>): Promise<MongolakeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MongolakeError);
  return error as MongolakeError;
}

describe('a cursor that dies', () => {
  test.each([
    [43, 'CursorNotFound'],
    [237, 'CursorKilled'],
    [206, 'NoSuchSession'],
    [11602, 'InterruptedDueToReplStateChange'],
    [10107, 'NotWritablePrimary'],
    [13436, 'NotPrimaryOrSecondary'],
    [13388, 'StaleConfig'],
  ])('of code %i (%s) is resumed at the last document read', async (code, codeName) => {
    const server = await fake((command) => {
      if ('getMore' in command) return failure(code, codeName);
      if (!('find' in command)) return undefined;
      const again = named(server.commands, 'find').length > 1;
      return again ? cursorReply(0, documents.slice(2)) : cursorReply(7, documents.slice(0, 3));
    });
    const read = await collect(sourceAt(server.uri).read(WINDOW));
    // The third comes twice: it stood at the point of the resume.
    expect(read).toEqual([...encoded.slice(0, 3), ...encoded.slice(2)]);
    const [first, second] = named(server.commands, 'find');
    expect(first?.filter).toEqual({ at: { $gt: new Date(FROM), $lt: new Date(FROM + 1e6) } });
    expect(second?.filter).toEqual({ at: { $gte: documents[2]?.at, $lt: new Date(FROM + 1e6) } });
    expect(first).toMatchObject({ sort: { at: 1 }, readConcern: { level: 'majority' } });
  });

  test('of a full read goes on at the last _id, in its own type and in those after it', async () => {
    const ids = [new Int32(1), 'a', new ObjectId('0123456789abcdef01234567')].map((_id) => ({ _id }));
    const server = await fake((command) => {
      if ('getMore' in command) return 'cut';
      if (!('find' in command)) return undefined;
      const again = named(server.commands, 'find').length > 1;
      return again ? cursorReply(0, ids.slice(1)) : cursorReply(7, ids.slice(0, 2));
    });
    const read = await collect(sourceAt(server.uri).read(FULL));
    expect(read).toHaveLength(4);
    const [first, second] = named(server.commands, 'find');
    expect(first).toMatchObject({ filter: {}, sort: { _id: 1 } });
    expect(second?.filter.$or[0]).toEqual({ _id: { $gte: 'a' } });
    expect(second?.filter.$or[1]._id.$type).toEqual([3, 5, 7, 8, 9, 17, 11, 12, 13, 15, 127]);
  });

  test('again and again without progress is given up, with growing pauses', async () => {
    const server = await fake((command) => {
      if ('getMore' in command) return failure(43, 'CursorNotFound');
      return 'find' in command ? cursorReply(7, documents.slice(0, 1)) : undefined;
    });
    const error = await failureOf(collect(sourceAt(server.uri, 4).read(WINDOW)));
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
    expect(error.message).toContain('4 tries');
    // The first failure came after progress; then the same document again and again.
    expect(clock.slept).toHaveLength(3);
    expect([...clock.slept].sort((a, b) => a - b)).toEqual(clock.slept);
  });

  test('as often as it likes is resumed as long as each try gets further', async () => {
    const server = await fake((command) => {
      if ('getMore' in command) return failure(43, 'CursorNotFound');
      if (!('find' in command)) return undefined;
      const bound = command.filter.at.$gte ?? command.filter.at.$gt;
      const left = documents.filter((each) => each.at >= bound);
      return cursorReply(left.length <= 2 ? 0 : 7, left.slice(0, 2));
    });
    const read = await collect(sourceAt(server.uri, 2).read(WINDOW));
    expect(new Set(read.map((each) => each.toString('hex'))).size).toBe(documents.length);
    expect(clock.slept.length).toBeGreaterThanOrEqual(4);
  });

  test('because the client was closed is not taken for the end of the data', async () => {
    const server = await fake((command) => ('find' in command ? cursorReply(7, documents.slice(0, 3)) : 'silence'));
    const source = sourceAt(server.uri);
    const batches = source.read(WINDOW)[Symbol.asyncIterator]() as AsyncGenerator<RawBatch>;
    await batches.next();
    const next = failureOf(batches.next());
    await source.close();
    expect(await next).toMatchObject({ code: 'INTERRUPTED' });
  });
});

describe('what the server refuses', () => {
  test.each([
    [13, 'Unauthorized', 'SOURCE_REFUSED'],
    [8000, 'AtlasError', 'SOURCE_REFUSED'],
    [2, 'BadValue', 'JOB_FAILED'],
  ])('with code %i (%s) is %s at once', async (code, codeName, expected) => {
    const server = await fake((command) => ('find' in command ? failure(code, codeName) : undefined));
    const error = await failureOf(collect(sourceAt(server.uri).read(FULL)));
    expect(error).toMatchObject({ code: expected, message: expect.stringContaining(codeName) });
    expect(named(server.commands, 'find')).toHaveLength(1);
  });

  test('as credentials is SOURCE_REFUSED, and nothing of them is told', async () => {
    const server = await fake((command) => {
      const refused = failure(18, 'AuthenticationFailed', `no hunter%402 hunter@2 for reader or reader:hunter%402`);
      return 'saslStart' in command ? refused : undefined;
    });
    const uri = server.uri.replace('mongodb://', 'mongodb://reader:hunter%402@');
    const source = sourceAt(`${uri}?authMechanism=SCRAM-SHA-256`);
    expect(source.description).toBe(`mongodb://127.0.0.1:${server.port}/test.c`);
    for (const attempt of [() => source.clock(), () => collect(source.read(FULL)), () => source.indexes()]) {
      const error = await failureOf(attempt());
      expect(error).toMatchObject({ code: 'SOURCE_REFUSED' });
      expect(printed(error)).not.toMatch(/hunter|reader/);
    }
  });
});

describe('the clock', () => {
  test('tells the server’s time and its last majority write', async () => {
    const lastWrite = { majorityWriteDate: new Date(FROM) };
    const server = await fake((command) =>
      'hello' in command ? { localTime: new Date(FROM + 5), lastWrite, ok: 1 } : undefined,
    );
    expect(await sourceAt(server.uri).clock()).toEqual({ kind: 'live', serverTime: FROM + 5, lastMajorityWrite: FROM });
  });

  test('is asked by the old name where the server does not know the new', async () => {
    const server = await fake((command) => {
      if ('hello' in command) return failure(59, 'CommandNotFound');
      return 'isMaster' in command ? { localTime: new Date(FROM), ok: 1 } : undefined;
    });
    expect(await sourceAt(server.uri).clock()).toEqual({
      kind: 'live',
      serverTime: FROM,
      lastMajorityWrite: undefined,
    });
  });
});

test('an abort ends a read at once, though the server keeps silent', async () => {
  const server = await fake((command) => ('find' in command ? cursorReply(7, documents.slice(0, 3)) : 'silence'));
  const stop = new AbortController();
  const batches = sourceAt(server.uri).read(WINDOW, stop.signal)[Symbol.asyncIterator]();
  const { value } = await batches.next();
  expect(split(value as RawBatch)).toHaveLength(3);
  const next = batches.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
});

test('nothing listens: SOURCE_UNREACHABLE within the time the options allow', async () => {
  const server = await fakeMongod(() => undefined);
  await server.close();
  const error = await failureOf(sourceAt(server.uri).clock());
  expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') });
  const read = await failureOf(collect(sourceAt(server.uri, 2).read(FULL)));
  expect(read).toMatchObject({ code: 'SOURCE_UNREACHABLE', message: expect.stringContaining('2 tries') });
});

test('a server that was away at the first question answers the next', async () => {
  const away = await fakeMongod(() => undefined);
  await away.close();
  const source = sourceAt(away.uri);
  await failureOf(source.clock());
  toClose.push(await fakeMongod(() => undefined, away.port));
  expect(await source.clock()).toMatchObject({ kind: 'live' });
});

test('sources of one URI share a client, which the last one closes', async () => {
  const server = await fake((command) => {
    if ('find' in command) return cursorReply(7, documents.slice(0, 1));
    if (!('getMore' in command)) return undefined;
    const next = named(server.commands, 'getMore').length;
    return cursorReply(next < 5 ? 7 : 0, documents.slice(next, next + 1), 'nextBatch');
  });
  const one = sourceAt(server.uri);
  const other = sourceAt(server.uri);
  await one.clock();
  const read: Buffer[] = [];
  for await (const batch of other.read(WINDOW)) {
    read.push(...split(batch));
    await one.close();
  }
  expect(read).toEqual(encoded);
  // The client that was given back is still the other's: its cursor lives on.
  expect(named(server.commands, 'find')).toHaveLength(1);
  await other.close();
  expect(await failureOf(other.clock())).toMatchObject({ code: 'INTERRUPTED' });
  expect(await sourceAt(server.uri).clock()).toMatchObject({ kind: 'live' });
});

describe('a URI the driver does not accept', () => {
  test.each([
    'mongodb://user:secretpw@host:notaport/db',
    'mongodb://user:secretpw',
    'mongodb://user:sec@retpw@host/db',
    'mongodb://user:secretpw/withslash@host/db',
    'user:secretpw@host',
    'http://user:secretpw@host',
    'mongodb://user:secretpw@host/?noSuchOption=1',
    'mongodb://us%zzer:secretpw@host/',
  ])('is CONFIG_INVALID without what it keeps secret: %s', (uri) => {
    let error: unknown;
    try {
      mongodbSource({ uri, database: 'test', collection: 'c', connection: 'guest' }, clock);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('connection guest') });
    expect(printed(error)).not.toMatch(/secretpw|retpw|us%zzer/);
  });

  test('names the option that is wrong', () => {
    const open = () =>
      mongodbSource({ uri: 'mongodb://host/?noSuchOption=1', database: 'test', collection: 'c' }, clock);
    expect(open).toThrow(/noSuchOption/i);
  });
});
