// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { describe, expect, test } from 'vitest';
import { resolveTargets } from '../../../src/shared/config/targets.ts';
import { failure, parse, SMALL, withPipelines } from './sample.ts';

const KEY = 'hashKey: "0123456789abcdef"\n';
/** `SMALL` with a policy of its one pipeline, on line 9. */
const withColumns = (columns: string, more = '') => `${SMALL}    columns: ${columns}\n${more}`;
const problem = (place: string) => `CONFIG_INVALID mongolake.yaml:9:${place}`;

test('a policy as it is written', () => {
  const text = withColumns(
    '{ include: [a, b.c], exclude: [b.d], rename: { b.c: mail }, decimal: { price: "decimal(10,2)", tax: "4, 2" }, json: [a], hash: [_id] }',
    KEY,
  ).replace('a, b.c', 'a, b, price, tax');
  expect(failure(text)).toBe('no error');
  expect(parse(text).pipelines.guest?.columns).toEqual({
    include: ['a', 'b', 'price', 'tax'],
    exclude: ['b.d'],
    rename: { 'b.c': 'mail' },
    decimal: { price: { precision: 10, scale: 2 }, tax: { precision: 4, scale: 2 } },
    json: ['a'],
    hash: ['_id'],
  });
});

test('the nearest one replaces the others whole', async () => {
  const text = withPipelines(`  guest:
    source: { connection: db, database: guest, collections: [a, b, c] }
    table: { uri: "file:./lake/{collection}" }
    collections: { b: { columns: { exclude: [y] } }, c: { columns: {} } }
defaults: { columns: { json: [x] } }
`);
  const targets = await resolveTargets(parse(text), 'guest', async () => []);
  expect(targets.map(({ settings }) => settings.columns)).toEqual([{ json: ['x'] }, { exclude: ['y'] }, {}]);
});

describe('hashKey', () => {
  test.each([
    [
      'missing',
      '',
      '24 pipelines.guest.columns.hash: needs a key: set hashKey at the top of the file, out of a secret',
    ],
    ['too short', 'hashKey: "0123456789abcde"\n', ''],
    ['there', KEY, 'no error'],
    ['out of the environment', 'hashKey: "${KEY}"\n', 'no error'],
  ])('%s', (_, key, expected) => {
    const found = failure(withColumns('{ json: [b], hash: [a] }', key), { KEY: 'x'.repeat(16) });
    if (expected === 'no error') expect(found).toBe(expected);
    else if (expected !== '') expect(found).toBe(problem(expected.replace('24', '27')));
    else expect(found).toBe('CONFIG_INVALID mongolake.yaml:10:10 hashKey: expected a key of at least 16 characters');
  });

  test('is not needed where no table hashes', () => {
    const text = withPipelines(`  guest:
    source: { connection: db, database: guest, collections: [a] }
    table: { uri: "file:./lake/{collection}" }
    columns: {}
defaults: { columns: { hash: [x] } }
`);
    expect(failure(text)).toBe('no error');
  });
});

const ID = '_id is the key of every row: it can be hashed, and nothing else';
const CURSOR = 'the cursor field is here, and must stay a column of its own';
const PATH = 'expected a path such as email or guest.email: names with dots between, without a $ in front';
const NAME =
  "expected a column's name, without spaces and any of ,;{}()=. : a field keeps its place and changes its name";
const DECIMAL = 'expected decimal(precision,scale), such as decimal(10,2): precision 1 to 38, scale at most that';

describe('what is refused', () => {
  test.each([
    ['{ exclude: [_id] }', '.exclude[0]', ID],
    ['{ json: [_id] }', '.json[0]', ID],
    ['{ rename: { _id: key } }', '.rename._id', ID],
    ['{ decimal: { _id: "4,2" } }', '.decimal._id', ID],
    ['{ hash: [_id.a] }', '.hash[0]', '_id is taken whole: no field within it can be named'],
    ['{ exclude: [updateTime] }', '.exclude[0]', CURSOR],
    ['{ hash: [updateTime] }', '.hash[0]', CURSOR],
    ['{ json: [updateTime] }', '.json[0]', CURSOR],
    ['{ decimal: { updateTime: "4,2" } }', '.decimal.updateTime', CURSOR],
    ['{ exclude: [a], json: [a] }', '.json[0]', 'is in exclude already'],
    ['{ json: [a], hash: [a] }', '.hash[0]', 'is in json already'],
    ['{ hash: [a], decimal: { a: "4,2" } }', '.decimal.a', 'is in hash already'],
    ['{ exclude: [a, a] }', '.exclude[1]', 'is in exclude already'],
    ['{ exclude: [a, a.b] }', '.exclude[1]', 'is within a field of exclude'],
    ['{ json: [a], rename: { a.b: c } }', '.rename["a.b"]', 'is within a field of json'],
    ['{ hash: [a, a.b] }', '.hash[1]', 'is within a field of hash'],
    ['{ hash: [a], include: [a.b] }', '.include[0]', 'is within a field of hash'],
    ['{ exclude: [a], rename: { a: b } }', '.rename.a', 'is left out by exclude'],
    ['{ include: [a.b], exclude: [a] }', '.include[0]', 'is left out by exclude'],
    ['{ include: [a, a.b] }', '.include[1]', 'is within another field of include'],
    ['{ include: [a], json: [b] }', '.json[0]', 'is left out: include does not name it'],
    ['{ exclude: [$a] }', '.exclude[0]', PATH],
    ['{ exclude: [a.$b] }', '.exclude[0]', PATH],
    ['{ exclude: [a..b] }', '.exclude[0]', PATH],
    ['{ exclude: [.a] }', '.exclude[0]', PATH],
    ['{ rename: { "a.": b } }', '.rename["a."]', PATH],
    ['{ decimal: { $a: "4,2" } }', '.decimal["$a"]', PATH],
    ['{ exclude: [] }', '.exclude', 'must not be empty'],
    ['{ rename: { a: "b c" } }', '.rename.a', NAME],
    ['{ rename: { a: b.c } }', '.rename.a', NAME],
    ['{ rename: { a: _ID } }', '.rename.a', '_id is the name of the key column'],
    ['{ rename: { a: x, b: X } }', '.rename.b', 'another field beside it is given the same name'],
    ['{ decimal: { a: "decimal(39,0)" } }', '.decimal.a', DECIMAL],
    ['{ decimal: { a: "decimal(2,3)" } }', '.decimal.a', DECIMAL],
    ['{ decimal: { a: "0,0" } }', '.decimal.a', DECIMAL],
    ['{ decimal: { a: 10 } }', '.decimal.a', DECIMAL],
    ['{ exlude: [a] }', '.exlude', 'unknown key (did you mean "exclude"?)'],
  ])('%s', (columns, at, message) => {
    const found = failure(withColumns(columns, KEY));
    expect(found).toContain(`pipelines.guest.columns${at}: ${message}`);
    expect(found).toMatch(/^CONFIG_INVALID mongolake\.yaml:9:\d+ [^\n]+$/);
  });

  test.each([
    '{ include: [a] }',
    '{ include: [updateTime, _id] }',
    '{ include: [a], exclude: [a.b], hash: [_id] }',
    '{ rename: { updateTime: changed, a.x: y, b.x: y } }',
    '{ rename: { a: b, b: a }, hash: [a] }',
    '{ exclude: [updateTimes, a.b, ab] }',
  ])('not %s', (columns) => {
    expect(failure(withColumns(columns, KEY))).toBe('no error');
  });

  test('a parent of the cursor field, which is told once for all tables and by collection where it differs', () => {
    const text = withPipelines(`  guest:
    source: { connection: db, database: guest, collections: [a, b] }
    table: { uri: "file:./lake/{collection}" }
    collections: { b: { cursorField: meta.at } }
defaults: { columns: { exclude: [meta, updateTime] } }
`);
    expect(failure(text).split('\n')).toEqual([
      `CONFIG_INVALID mongolake.yaml:10:34 defaults.columns.exclude[0]: ${CURSOR}`,
      `mongolake.yaml:10:40 defaults.columns.exclude[1]: ${CURSOR}`,
    ]);
  });
});
