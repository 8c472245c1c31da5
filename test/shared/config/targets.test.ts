import { describe, expect, test } from 'vitest';
import { resolveTargets, singleTarget, sourceConnection, storeConnection } from '../../../src/shared/config/targets.ts';
import { DESIGN_ENV, DESIGN_EXAMPLE, parse, SMALL, withPipelines } from './sample.ts';

const source = (names: readonly string[], database = 'guest') => {
  return async () => names.map((name) => ({ database, name }));
};
const offline = async (): Promise<never> => {
  throw new Error('the source was asked');
};
const names = (targets: readonly { readonly name: string }[]) => targets.map(({ name }) => name);

const design = parse(DESIGN_EXAMPLE, DESIGN_ENV);
const small = parse(SMALL);
const GUEST = ['notifications', 'bookings', 'booking_items', 'bookings_tmp', 'users'];

describe('the tables of a pipeline', () => {
  test('wildcards are resolved against the source', async () => {
    const asked: unknown[] = [];
    const targets = await resolveTargets(design, 'guest', async (...args) => {
      asked.push(args);
      return source(GUEST)();
    });
    expect(asked).toEqual([['guest', 'guest']]);
    expect(names(targets)).toEqual(['guest.notifications', 'guest.bookings', 'guest.booking_items']);
    expect(targets[1]).toEqual({
      name: 'guest.bookings',
      pipeline: 'guest',
      database: 'guest',
      collection: 'bookings',
      connection: 'guest',
      store: 'lake',
      tableUri: 's3://lake/guest/bookings',
      settings: design.defaults,
    });
  });

  test('the target may be left out where there is one pipeline', async () => {
    expect(await resolveTargets(design, undefined, source(GUEST))).toEqual(
      await resolveTargets(design, 'guest', source(GUEST)),
    );
  });

  test('a collection is named without asking the source, dots and all', async () => {
    expect(names(await resolveTargets(design, 'guest.bookings.archive', offline))).toEqual(['guest.bookings.archive']);
  });

  test('names that are all spelled out need no source', async () => {
    const config = parse(SMALL.replace('["*"]', '[b, a, b]'));
    expect(names(await resolveTargets(config, undefined, offline))).toEqual(['guest.b', 'guest.a']);
  });

  test('a name that is spelled out is never left out, the source has it or not', async () => {
    expect(names(await resolveTargets(design, 'guest', source(['bookings'])))).toEqual([
      'guest.bookings',
      'guest.notifications',
    ]);
  });

  test("system collections are not a wildcard's", async () => {
    expect(names(await resolveTargets(small, undefined, source(['a', 'system.views'])))).toEqual(['guest.a']);
  });

  test('a local table is absolute, from the folder of the file', async () => {
    const [target] = await resolveTargets(small, 'guest.a/b', offline);
    expect(target).toMatchObject({ tableUri: 'file:/etc/lake/a%2Fb', store: undefined });
  });

  test("settings: the collection's win over the pipeline's over the defaults", async () => {
    const text = `${SMALL}    partitions: 8\n    retention: 1d\n    collections: { a: { partitions: 64, schedule: none } }\ndefaults: { partitions: 2, leaseTtl: 10s }\n`;
    const [a, b] = await resolveTargets(parse(text), undefined, source(['a', 'b']));
    expect(a?.settings).toEqual({
      ...small.defaults,
      partitions: 64,
      retention: 86_400_000,
      leaseTtl: 10_000,
      schedule: { kind: 'none' },
    });
    expect(b?.settings).toEqual({ ...small.defaults, partitions: 8, retention: 86_400_000, leaseTtl: 10_000 });
  });

  test('a collection named like what objects inherit has no settings of its own', async () => {
    const [target] = await resolveTargets(small, 'guest.constructor', offline);
    expect(target?.settings).toEqual(small.defaults);
  });

  test('connections are found by their names', async () => {
    const [target] = await resolveTargets(design, 'guest.bookings', offline);
    const [local] = await resolveTargets(small, 'guest.a', offline);
    if (target === undefined || local === undefined) throw new Error('no target');
    expect(sourceConnection(design, target).kind).toBe('mongodb');
    expect(storeConnection(design, target)?.region).toBe('us-east-1');
    expect(storeConnection(small, local)).toBeUndefined();
    expect(JSON.stringify(target)).not.toContain('s3cret');
  });
});

describe('a change stream', () => {
  test('is followed on its own beat, but by a collection that is replaced at each run', async () => {
    const config = parse(
      withPipelines(`  p:
    source: { connection: db, database: guest, collections: [a, b], mode: changestream, followInterval: 3s }
    table: { uri: "lake/{collection}" }
    schedule: 1h
    collections: { b: { mode: full } }
`),
    );
    const [a, b] = await resolveTargets(config, undefined, offline);
    expect(a?.settings).toMatchObject({ mode: 'changestream', schedule: { kind: 'every', every_ms: 3_000 } });
    expect(b?.settings).toMatchObject({ mode: 'full', schedule: { kind: 'every', every_ms: 3_600_000 } });
  });
});

describe('dumps', () => {
  const dump = parse(
    withPipelines('  p:\n    source: { connection: db }\n    table: { uri: "lake/{collection}" }\n').replace(
      'kind: mongodb, uri: "mongodb://localhost"',
      'kind: dump, path: ./dump',
    ),
  );

  test('database and collections are what the dump holds', async () => {
    const [target, ...others] = await resolveTargets(dump, undefined, source(['notifications'], 'guest'));
    expect(others).toEqual([]);
    expect(target).toMatchObject({
      name: 'p.notifications',
      database: 'guest',
      tableUri: 'file:/etc/lake/notifications',
    });
    expect(names(await resolveTargets(dump, 'p.notifications', source(['a', 'notifications'])))).toEqual([
      'p.notifications',
    ]);
  });

  test('one collection in two databases needs a database', async () => {
    const list = async () => [
      { database: 'a', name: 'x' },
      { database: 'b', name: 'x' },
    ];
    await expect(resolveTargets(dump, undefined, list)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'pipelines.p.source.database: missing: collection "x" is in several databases of the dump',
    });
  });
});

describe('what is refused', () => {
  const two = parse(
    withPipelines(
      '  one: { source: { connection: db, database: a, collections: ["*"] }, table: { uri: "one/{collection}" } }\n' +
        '  two: { source: { connection: db, database: b, collections: [x] }, table: { uri: "two/x" } }\n',
    ),
  );

  test('two pipelines and no name', async () => {
    await expect(resolveTargets(two, undefined, offline)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      exitCode: 78,
      message: 'there are several pipelines, name one of them: one, two',
    });
  });

  test.each([
    ['ones', 'no pipeline "ones" (did you mean "one"?)'],
    ['constructor', 'no pipeline "constructor" (known: "one", "two")'],
    ['', 'no pipeline "" (known: "one", "two")'],
    ['one.', 'one.: a collection is missing after the dot'],
    ['two.y', 'pipeline two has no collection "y" (did you mean "x"?)'],
  ])('target %j', async (target, message) => {
    await expect(resolveTargets(two, target, source(['x']))).rejects.toMatchObject({
      code: 'USAGE',
      exitCode: 64,
      message,
    });
  });

  test('a wildcard that matches nothing', async () => {
    await expect(resolveTargets(two, 'one', source([]))).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: 'pipelines.one.source.collections: no collection matches; the source has none',
    });
  });

  test('two collections of one folder, within a pipeline and across', async () => {
    const text = withPipelines(
      '  one: { source: { connection: db, database: a, collections: ["x*"] }, table: { uri: "lake/{collection}" } }\n' +
        '  two: { source: { connection: db, database: b, collections: ["*a"] }, table: { uri: "lake/{collection}" } }\n',
    );
    const config = parse(text);
    expect(names(await resolveTargets(config, 'one', source(['xb'])))).toEqual(['one.xb']);
    await expect(resolveTargets(config, 'one', source(['xa']))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'pipelines.one.table.uri: one.xa would share its folder with two',
    });
  });

  test('several tables where one is wanted', async () => {
    const targets = await resolveTargets(design, 'guest', source(GUEST));
    expect(() => singleTarget(targets)).toThrow(
      'name one table: guest.notifications, guest.bookings, guest.booking_items',
    );
    expect(singleTarget(targets.slice(0, 1)).name).toBe('guest.notifications');
  });
});
