import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Decimal128, Double, Int32 } from 'bson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BSON } from '../../src/shared/domain/bson.ts';
import { documentedTypes } from '../docs/type-table.ts';
import { describeWith } from '../services/context.ts';
import { type Engine, readTable } from '../services/readers/read.ts';
import { documentOf, element, placed, text } from '../shared/domain/bson-bytes.ts';
import { type Workspace, workspace } from './cli.ts';

const TYPES = documentedTypes();
const READERS = ['duckdb', 'deltars', 'polars', 'spark'] as const satisfies readonly Engine[];

/** BSON of an element whose value is one of the bson library's. */
function field(name: string, value: unknown): Buffer {
  const { bytes, type, at, end } = placed(value);
  return element(type, name, bytes.subarray(at, end));
}

/** Every value of docs/types.md, each in a field of its own. */
const EVERY_TYPE = documentOf([
  field('_id', 'every type'),
  ...TYPES.map(({ value: { type, bytes, at, end } }, i) => element(type, `t${i}`, bytes.subarray(at, end))),
]);

const NAMES = ['$x', 'a.b', 'a b', 'a_b', '', 'ä', 'Ä', '😀', 'rowid', '%20', "'", '"', '`'];
const NAMED = documentOf([field('_id', 'names'), ...NAMES.map((name, i) => field(name, new Int32(i)))]);
const SHAPES = documentOf([
  field('_id', 'shapes'),
  field('n', new Int32(1)),
  field('s', { x: new Int32(1), t: { y: 'y' } }),
  field('l', [{ k: new Int32(1) }, { k: new Int32(2) }]),
  field('text', 'text'),
]);

/** New fields at every level, values of other types, a name that differs by case, text that is not UTF-8. */
const EVOLVED = documentOf([
  field('_id', 'evolved'),
  field('n', 'no number'),
  field('N', true),
  field('s', { x: new Double(0.5), t: { y: 'y', z: Decimal128.fromString('1.10') }, new: new Double(-0) }),
  field('l', [{ k: new Int32(3), new: { deep: [new Double(Number.NaN)] } }, { k: 'text' }, null]),
  element(BSON.string, 'text', text(Buffer.from([0xfc]))),
]);

/** The documented rows by id: nulls left out. */
const FIRST = {
  'every type': {
    ...Object.fromEntries(TYPES.filter(({ kind }) => kind !== '–').map((row) => [`t${TYPES.indexOf(row)}`, row.shown])),
    _extra: JSON.stringify(
      Object.fromEntries(
        TYPES.filter(({ kind, shown }) => kind === '–' && shown !== null).map((row) => [
          `t${TYPES.indexOf(row)}`,
          row.shown,
        ]),
      ),
    ),
  },
  names: {
    $x: 0,
    'a.b': 1,
    a_b: 2,
    a_b_2: 3,
    _: 4,
    ä: 5,
    Ä_2: 6,
    '😀': 7,
    rowid: 8,
    '%20': 9,
    "'": 10,
    '"': 11,
    '`': 12,
  },
  shapes: { n: 1, s: { x: 1, t: { y: 'y' } }, l: [{ k: 1 }, { k: 2 }], text: 'text' },
};
const EVOLVED_ROW = {
  n__string: 'no number',
  N_2: true,
  s: { x__double: 0.5, t: { y: 'y', z: '1.10' }, new: -0 },
  l: [{ k: 3, new: { deep: ['NaN'] } }, { k__string: 'text' }, null],
  text__json: '{"$invalidUtf8":"/A=="}',
};

/** Without what is null, but within arrays. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, tidy(item)]),
  );
}

/** The table as a reader sees it: id → row. */
async function rowsBy(reader: Engine, table: string): Promise<Record<string, unknown>> {
  const rows = await readTable(reader, table);
  return Object.fromEntries(rows.map(({ _id, ...row }) => [String(_id), tidy(row)]));
}

/** `defaults` are the tables' settings, such as their engine. */
function everyType(name: string, defaults: Readonly<Record<string, unknown>>): void {
  describeWith(['readers', 'spark'], name, () => {
    let space: Workspace;
    const table = () => `${space.folder}/lake/things`;
    const dump = (documents: readonly Buffer[]) =>
      writeFileSync(`${space.folder}/dump/guest/things.bson`, Buffer.concat(documents));
    const files = () =>
      readdirSync(`${table()}/data`, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath}/${entry.name}`)
        .map((path) => `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);

    beforeAll(() => {
      space = workspace({
        version: 1,
        connections: { guest: { kind: 'dump', path: './dump' } },
        defaults: { partitions: 64, ...defaults },
        pipelines: {
          guest: {
            source: { connection: 'guest', database: 'guest', collections: ['things'] },
            table: { uri: 'file:./lake/{collection}' },
          },
        },
      });
      mkdirSync(`${space.folder}/dump/guest`, { recursive: true });
    });
    afterAll(() => space.close());

    describe('as first loaded', () => {
      it('is loaded', async () => {
        dump([EVERY_TYPE, NAMED, SHAPES]);
        expect((await space.json('backfill')).results).toMatchObject([
          { status: 'committed', version: 0, inserted: 3 },
        ]);
      });

      it.each(READERS)('is what docs/types.md says, to %s', async (reader) => {
        expect(await rowsBy(reader, table())).toEqual(tidy(FIRST));
      });
    });

    describe('after its schema evolved', () => {
      let before: readonly string[];

      it('is synced, and no file that was there is touched', async () => {
        before = files();
        dump([EVERY_TYPE, NAMED, SHAPES, EVOLVED]);
        const { results } = await space.json('backfill');
        expect(results).toMatchObject([{ version: 1, inserted: 1, unchanged: 3, filesAdded: 1, filesRemoved: 0 }]);
        expect(files()).toEqual(expect.arrayContaining([...before]));
      });

      it.each(READERS)('has all rows to %s, those of the first version as they were', async (reader) => {
        expect(await rowsBy(reader, table())).toEqual({ ...(tidy(FIRST) as object), evolved: EVOLVED_ROW });
      });
    });
  });
}

everyType('a table of every type', {});
