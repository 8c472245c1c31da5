import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeSchemaDiff } from '../../src/cli/schema-diff.ts';
import type { SchemaPreview } from '../../src/coordinator/schema-preview.ts';
import type { AddedColumn } from '../../src/shared/domain/schema-diff.ts';
import { type Workspace, workspace } from '../e2e/cli.ts';
import { writeDump } from '../e2e/dump.ts';

const window = {
  kind: 'window',
  cursor: { field: 'updateTime', type: 'date' },
  from: Date.parse('2026-05-01T00:00:00Z'),
  to: null,
} as const;
const column: AddedColumn = {
  path: ['a'],
  source: 'a',
  type: { kind: 'long' },
  why: 'newField',
  renamed: null,
  limit: null,
};
const preview: SchemaPreview = {
  base: 3,
  scope: window,
  documents: 20,
  complete: true,
  broken: 0,
  idType: 'long',
  diff: { added: [], jsonColumn: [], columns: { used: 5, limit: 1000 } },
  foreignIds: [],
};
const lines = (given: Partial<SchemaPreview>) => describeSchemaDiff('guest.n', { ...preview, ...given });

describe('for people', () => {
  it('a schema that stays is two lines', () => {
    expect(lines({})).toEqual([
      'guest.n  version 3, the schema stays as it is',
      '  looked at  20 documents: all that it would read (updateTime > 2026-05-01 00:00:00Z)',
    ]);
  });

  it('what is added is marked, below what it is in', () => {
    const added: readonly AddedColumn[] = [
      { ...column, path: ['o', 'l', 'b_c'], source: 'o.l[].b c', renamed: 'characters' },
      { ...column, path: ['o', 'l', 'd'], source: 'o.l[].d', type: { kind: 'object' }, limit: 'keys' },
      { ...column, path: ['a__long'], source: 'a', why: 'typeConflict' },
      { ...column, path: ['_extra'], source: '', type: { kind: 'json' }, why: 'jsonColumn' },
    ];
    expect(lines({ diff: { ...preview.diff, added, jsonColumn: ['e', 'o.f'] } }).slice(2)).toEqual([
      '   column   type    source     kind    why',
      '   o',
      '     l',
      '+      b_c  long    o.l[].b c  long    new field; renamed: Delta forbids a character of it',
      '+      d    string  o.l[].d    object  new field; one column: its keys are data',
      '+  a__long  long    a          long    type conflict: values that the field has no column for',
      '+  _extra   string             json    values without a column of their own',
      '  note  to the JSON column go values of e, o.f',
    ]);
  });

  it('it tells limits, documents that can not be stored, and ids that do not fit with the remedy', () => {
    const text = lines({
      broken: 2,
      diff: { ...preview.diff, columns: { used: 1000, limit: 1000 } },
      foreignIds: [{ kind: 'string', documents: 7, example: 'A\u001b' }],
    });
    expect(text[0]).toBe('guest.n  version 3, the next sync would stop before its commit');
    expect(text.slice(2)).toEqual([
      '  note  the limit of 1,000 columns is reached: new fields go to the JSON column',
      "  note  2 documents can't be stored",
      "  ids  the table's ids are integers; others have 7 documents (string, such as A\\u001b)",
      '  hint Give the table string ids: `mongolake repartition --id-type string`, then sync again.',
    ]);
  });

  it('of a table that is to be made, it says how much was looked at', () => {
    const first = { base: undefined, scope: { kind: 'full' } as const };
    expect(lines({ ...first, documents: 10_000, complete: false, diff: { ...preview.diff, added: [column] } })).toEqual(
      [
        'guest.n  no table yet: the next sync would make it, with ids that are integers and 1 column',
        '  looked at  the first 10,000 documents of the whole collection: the others may have more',
        '   column  type  source  kind  why',
        '+  a       long  a       long  new field',
      ],
    );
    expect(lines({ ...first, documents: 0 })[0]).toBe('guest.n  no table yet, and no document to make one of');
  });
});

describe('the command', { timeout: 60_000 }, () => {
  let space: Workspace;
  const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
  const dump = (documents: readonly Record<string, unknown>[], minutes: number) =>
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, at(minutes));
  const old = [{ _id: 1, a: 1, updateTime: at(0) }];
  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    dump(old, 60);
  });
  afterAll(() => space.close());

  it('ends with 2 where the next sync would change the schema, and says how', async () => {
    await space.json('sync');
    const same = await space.json('schema', '--diff', '--detailed-exitcode');
    expect(same.ended.code).toBe(0);
    expect(same.results).toMatchObject([{ version: 0, documents: 0, complete: true, added: [] }]);
    dump([...old, { _id: 2, a: 'x', b: {}, updateTime: at(61) }], 120);
    const { ended, results } = await space.json('schema', '--diff', '--detailed-exitcode');
    expect(ended.code).toBe(2);
    expect(results).toMatchObject([
      {
        schemaVersion: 1,
        table: 'guest.notifications',
        version: 0,
        full: false,
        documents: 1,
        complete: true,
        broken: 0,
        added: [
          { column: 'a__string', type: 'string', kind: 'string', source: 'a', why: 'typeConflict', renamed: null },
          { column: '_extra', why: 'jsonColumn' },
        ],
        jsonColumn: ['b'],
        foreignIds: [],
      },
    ]);
    expect((await space.run('schema', '--diff')).code).toBe(0);
  });
});
