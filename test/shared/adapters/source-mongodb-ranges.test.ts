import { type Document, Int32, ObjectId, serialize } from 'bson';
import { afterEach, describe, expect, test } from 'vitest';
import { mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import type { ReadScope } from '../../../src/shared/domain/job.ts';
import type { SplitOptions } from '../../../src/shared/ports/source.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { cursorReply, type FakeAnswer, failure, fakeMongod } from '../../contracts/source-mongodb-fake.ts';

const FULL: ReadScope = { kind: 'full' };
const START = Date.UTC(2026, 0, 1);
const WINDOW: ReadScope = { kind: 'window', cursor: { field: 'at', type: 'date' }, from: START, to: null };

let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.reverse()) await each.close();
  open = [];
});

interface Answers {
  readonly stats?: FakeAnswer;
  /** To the first aggregate of all: a sample, or a count in an index. */
  readonly aggregate?: FakeAnswer;
  /** To the find of the smallest and of the largest. */
  readonly ends?: readonly [FakeAnswer, FakeAnswer];
  readonly indexes?: readonly Document[];
}

const GIGABYTE = { count: 1_000_000, size: 1e9, ok: 1 };
const NO_SAMPLE = failure(40324, 'Location40324', 'Unrecognized pipeline stage name: $sample');
const one = (document: Document) => cursorReply(0, [document]);

/** What a source makes of the answers of its server, and what it asked. */
async function split(answers: Answers, scope: ReadScope = FULL, how: SplitOptions = {}) {
  const { stats = GIGABYTE, aggregate = NO_SAMPLE, ends = [NO_SAMPLE, NO_SAMPLE], indexes = [] } = answers;
  const server = await fakeMongod((command) => {
    if (command.collStats !== undefined) return stats;
    if (command.aggregate !== undefined) return aggregate;
    if (command.listIndexes !== undefined) return cursorReply(0, indexes);
    if (command.find !== undefined) return ends[Object.values(command.sort as Document)[0] === 1 ? 0 : 1];
    return undefined;
  });
  const source = mongodbSource({ uri: server.uri, database: 'test', collection: 'c' }, instantClock());
  open.push(server, source);
  const warnings: string[] = [];
  const ranges = await source.ranges(scope, { ...how, warn: (message) => warnings.push(message) });
  const bounds = ranges.map(({ part }) => JSON.parse(part ?? 'null') as { from: unknown; to: unknown } | null);
  return { ranges, bounds, warnings, commands: server.commands };
}

const base64 = (id: unknown) => Buffer.from(serialize({ '': id })).toString('base64');

describe('a full read', () => {
  test('is split by a sample that the server takes and sorts, bounded in size and time', async () => {
    const sample = cursorReply(
      0,
      Array.from({ length: 80 }, (_, n) => ({ _id: new Int32(n) })),
    );
    const { bounds, warnings, commands } = await split({ aggregate: sample });
    const cuts = [20, 40, 60].map((n) => base64(new Int32(n)));
    expect(bounds).toEqual([null, ...cuts].map((from, n) => ({ from, to: cuts[n] ?? null })));
    expect(warnings).toEqual([]);
    expect(commands.map((command) => Object.keys(command)[0])).toEqual(['collStats', 'aggregate']);
    expect(commands[1]).toMatchObject({
      pipeline: [{ $sample: { size: 80 } }, { $project: { _id: 1 } }, { $sort: { _id: 1 } }],
      maxTimeMS: 10_000,
    });
  });

  test.each([
    ['five thousand at most', { count: 1e9, size: 1e12, ok: 1 }, 5000],
    ['one in twenty of the documents at most: more would be a scan', { count: 1000, size: 1e10, ok: 1 }, 50],
  ])('samples %s', async (_, stats, size) => {
    const { commands } = await split({ stats, aggregate: one({ _id: new Int32(1) }) });
    expect(commands[1]?.pipeline[0]).toEqual({ $sample: { size } });
  });

  test('has a thousand ranges at most', async () => {
    const ends = [one({ _id: new Int32(0) }), one({ _id: new Int32(1e9) })] as const;
    const { ranges } = await split({ stats: { count: 1e10, size: 1e13, ok: 1 }, ends });
    expect(ranges).toHaveLength(1024);
  });

  test.each([
    ['a small collection', { count: 1_000_000, size: 3e8, ok: 1 }],
    ['an empty one', failure(26, 'NamespaceNotFound')],
  ])('of %s stays one range, and nothing else is asked', async (_, stats) => {
    const { ranges, warnings, commands } = await split({ stats });
    expect(ranges).toEqual([{ scope: FULL, part: null }]);
    expect(warnings).toEqual([]);
    expect(commands).toHaveLength(1);
  });

  test.each([
    ['does not know $sample', NO_SAMPLE],
    ['has no time for it', failure(50, 'MaxTimeMSExpired')],
  ])('is split evenly by time where the server %s', async (_, aggregate) => {
    const at = (second: number) => new ObjectId(`${second.toString(16).padStart(8, '0')}aaaaaaaaaaaaaaaa`);
    const { bounds, warnings, commands } = await split({
      aggregate,
      ends: [one({ _id: at(400) }), one({ _id: at(800) })],
    });
    const cuts = [500, 600, 700].map((second) => base64(ObjectId.createFromTime(second)));
    expect(bounds).toEqual([null, ...cuts].map((from, n) => ({ from, to: cuts[n] ?? null })));
    expect(warnings).toEqual([]);
    expect(commands[2]).toMatchObject({ find: 'c', limit: 1, projection: { _id: 1 }, maxTimeMS: 10_000 });
  });

  test.each([
    ['its ids can’t be cut', { ends: [one({ _id: 'a' }), one({ _id: 'z' })] as const }, {}, /neither both ObjectIds/],
    [
      'its ids are of one second',
      { ends: [one({ _id: ObjectId.createFromTime(7) }), one({ _id: ObjectId.createFromTime(7) })] as const },
      {},
      /one time/,
    ],
    ['nothing is answered in time', {}, {}, /in time/],
    ['it is a view', { stats: failure(166, 'CommandNotSupportedOnView') }, {}, /does not tell its size/],
    ['ids are hashed', { aggregate: one({ _id: 1 }) }, { hidesIds: true }, /_id is hashed/],
  ])('stays one range where %s, and says so', async (_, answers, how, reason) => {
    const { ranges, warnings, commands } = await split(answers, FULL, how);
    expect(ranges).toEqual([{ scope: FULL, part: null }]);
    expect(warnings).toEqual([expect.stringMatching(reason)]);
    if ('hidesIds' in how) expect(commands).toHaveLength(1);
  });

  test('where only the number is told, a kilobyte is assumed', async () => {
    const server = await fakeMongod((command) => {
      if (command.collStats !== undefined) return failure(13, 'Unauthorized');
      if (command.count !== undefined) return { n: 2_000_000, ok: 1 };
      return command.aggregate === undefined
        ? undefined
        : cursorReply(
            0,
            [1, 2, 3, 4, 5, 6, 7, 8].map((_id) => ({ _id })),
          );
    });
    const source = mongodbSource({ uri: server.uri, database: 'test', collection: 'c' }, instantClock());
    open.push(server, source);
    expect(await source.ranges(FULL)).toHaveLength(8);
  });

  test.each([
    [13, 'Unauthorized', 'SOURCE_REFUSED'],
    [11600, 'InterruptedAtShutdown', 'SOURCE_UNREACHABLE'],
  ])('ends with the server’s refusal %i of the sample', async (number, name, code) => {
    await expect(split({ aggregate: failure(number, name) })).rejects.toMatchObject({ code });
  });
});

describe('a window', () => {
  const indexes = [{ v: 2, key: { at: -1 }, name: 'at_-1' }];
  const ends = [one({ at: new Date(START + 1000) }), one({ at: new Date(START + 5000) })] as const;
  const counted = (n: number) => cursorReply(0, [{ _id: 1, n }]);
  const thirds = [
    { from: START, to: START + 2333 },
    { from: START + 2332, to: START + 3666 },
    { from: START + 3665, to: null },
  ];

  test('that is large is split by time between its first and its last document', async () => {
    const { bounds, warnings } = await split({ aggregate: counted(768_000), indexes, ends }, WINDOW);
    expect(bounds).toEqual(thirds);
    expect(warnings).toEqual([]);
  });

  test('that was too long to be counted counts as the whole collection', async () => {
    const aggregate = failure(50, 'MaxTimeMSExpired');
    expect((await split({ aggregate, indexes, ends }, WINDOW)).ranges).toHaveLength(4);
    expect((await split({ aggregate: counted(1_000_000), indexes, ends }, WINDOW)).ranges).toHaveLength(4);
  });

  test('is not split after our own time, whatever is dated later', async () => {
    const now = instantClock().now();
    const { bounds } = await split(
      {
        aggregate: counted(768_000),
        indexes,
        ends: [one({ at: new Date(now - 3000) }), one({ at: new Date(8.64e15) })],
      },
      WINDOW,
    );
    expect(bounds.map((bound) => bound?.to)).toEqual([now - 2000, now - 1000, null]);
  });

  test.each([
    ['small', { aggregate: counted(300_000), indexes, ends }],
    ['without an index', { aggregate: counted(768_000), ends }],
    ['of one moment', { aggregate: counted(768_000), indexes, ends: [ends[0], ends[0]] as const }],
    ['without an end in time', { aggregate: counted(768_000), indexes }],
  ])('that is %s stays one range', async (_, answers) => {
    const { ranges, warnings } = await split(answers, WINDOW);
    expect(ranges).toEqual([{ scope: WINDOW, part: null }]);
    expect(warnings).toEqual([]);
  });
});
