import { Binary, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'bson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, type EngineName } from '../../src/shared/domain/plan.ts';
import { describeWith } from '../services/context.ts';
import { LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const START = new Date('2026-01-10T10:00:00Z');

function document(_id: number, own: Record<string, unknown>) {
  return { _id: new Int32(_id), ...own, updateTime: START };
}

/** Every kind of column, at its edges. */
const DOCUMENTS = [
  document(1, {
    text: '😀 grüße',
    long: Long.MIN_VALUE,
    double: new Double(-0),
    decimal: Decimal128.fromString('-1.10'),
    flag: true,
    time: new Date('1883-11-18T12:03:58.123Z'),
    bytes: new Binary(Buffer.from([0, 255])),
    id: new ObjectId('0123456789abcdef01234567'),
    uuid: new UUID('00112233-4455-6677-8899-aabbccddeeff'),
    s: { x: new Int32(1), inner: { y: 'y' } },
    l: [new Int32(1), null, new Int32(3)],
    ls: [{ a: 'a', n: [new Double(0.5)] }, null, { a: null, n: [] }],
    ll: [[new Int32(1)], [], null],
    mixed: [new Int32(1), 'x'],
    p9: Decimal128.fromString('1.5'),
    p18: Long.fromString('12345678901234'),
    p38: Decimal128.fromString('-123456789012345678901234.0123456789'),
    lp: [{ p: new Int32(7) }, { p: null }],
  }),
  document(2, { text: '', long: Long.MAX_VALUE, double: new Double(Number.NaN), flag: false, l: [], s: { x: null } }),
  document(3, {
    text: '\uffff',
    double: new Double(Number.NEGATIVE_INFINITY),
    time: new Date(-1),
    p9: Decimal128.fromString('-0.01'),
  }),
];

const NOTHING = {
  ...{ text: null, long: null, double: null, decimal: null, flag: null, time: null, bytes: null, id: null },
  ...{ uuid: null, s: null, l: null, ls: null, ll: null, mixed: null },
  ...{ p9: null, p18: null, p38: null, lp: null },
};
const updateTime = '2026-01-10T10:00:00.000000Z';

/** The rows as readers give them. */
const ROWS = [
  {
    _id: 1,
    text: '😀 grüße',
    long: -(2n ** 63n),
    double: -0,
    decimal: '-1.10',
    flag: true,
    time: '1883-11-18T12:03:58.123000Z',
    bytes: '00ff',
    id: '0123456789abcdef01234567',
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
    s: { x: 1, inner: { y: 'y' } },
    l: [1, null, 3],
    ls: [{ a: 'a', n: [0.5] }, null, { a: null, n: [] }],
    ll: [[1], [], null],
    mixed: ['{"$numberInt":"1"}', '"x"'],
    p9: '1.50',
    p18: '12345678901234.0000',
    p38: '-123456789012345678901234.0123456789',
    lp: [{ p: '7.0' }, { p: null }],
    updateTime,
  },
  {
    _id: 2,
    ...NOTHING,
    text: '',
    long: 2n ** 63n - 1n,
    double: 'NaN',
    flag: false,
    l: [],
    s: { x: null, inner: null },
    updateTime,
  },
  {
    _id: 3,
    ...NOTHING,
    text: '\uffff',
    double: '-Infinity',
    time: '1969-12-31T23:59:59.999000Z',
    p9: '-0.01',
    updateTime,
  },
];

/** Decimals of 32, 64 and 128 bits, and one within an array. */
const DECIMALS = { p9: 'decimal(9,2)', p18: 'decimal(18,4)', p38: 'decimal(38,10)', 'lp.p': 'decimal(5,1)' };

/** Spark takes a minute to start on a machine that does other things too. */
const SLOW_MS = 300_000;

describeWith(['readers', 'spark'], 'a table of every kind of column, from a dump', () => {
  for (const engine of ENGINES) describe(`that ${engine} wrote`, () => writtenBy(engine));
});

function writtenBy(own: EngineName): void {
  let space: Workspace;
  const table = () => `${space.folder}/lake/kinds`;
  const configure = (engine: string) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    defaults: { engine, partitions: 1, columns: { decimal: DECIMALS } },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['kinds'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });

  beforeAll(async () => {
    space = workspace(configure(own));
    writeDump(`${space.folder}/dump/guest/kinds.bson`, DOCUMENTS, START);
    expect((await space.json('sync')).results).toMatchObject([{ status: 'committed', inserted: 3 }]);
  });
  afterAll(() => space.close());

  it.each([...LIGHT_ENGINES, 'spark'] as const)('is read by %s', { timeout: SLOW_MS }, async (engine) => {
    expect(await readTable(engine, table())).toEqual(ROWS);
  });

  it.each([...LIGHT_ENGINES, 'spark'] as const)(
    'is filtered by %s with its statistics',
    { timeout: SLOW_MS },
    async (engine) => {
      const found = await readTable(engine, table(), { columns: ['_id'], where: "text >= '\uffff'" });
      expect(found.map(({ _id }) => _id)).toEqual([1, 3]);
    },
  );

  it('is unchanged to DuckDB, which takes over what is not its own', async () => {
    space.configure(configure('duckdb'));
    expect((await space.json('backfill')).results).toMatchObject([{ status: 'unchanged', unchanged: 3 }]);
    writeDump(`${space.folder}/dump/guest/kinds.bson`, [...DOCUMENTS, document(4, { text: 'new' })], START);
    expect((await space.json('backfill')).results).toMatchObject([{ inserted: 1, unchanged: 3 }]);
    expect(await readTable('deltars', table())).toEqual([...ROWS, { _id: 4, ...NOTHING, text: 'new', updateTime }]);
  });
}
