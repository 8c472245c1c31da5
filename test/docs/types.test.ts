import { describe, expect, test } from 'vitest';
import { BSON } from '../../src/shared/domain/bson.ts';
import { kindText, toSchemaString } from '../../src/shared/domain/delta/schema.ts';
import { foldSchema } from '../../src/shared/domain/fold.ts';
import { createSketcher } from '../../src/shared/domain/sketcher.ts';
import { documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { documentedTypes, type TypeRow, tableUnder } from './type-table.ts';

const ROWS = documentedTypes();

/** The kind and the Delta type of the column that a field of this value gets; `–` where it gets none. */
function folded({ value }: TypeRow): { kind: string; column: string } {
  const field = element(value.type, 'a', value.bytes.subarray(value.at, value.end));
  const sketcher = createSketcher();
  sketcher.take(documentOf([element(BSON.int32, '_id', int32(1)), field]), 0);
  const schema = foldSchema(undefined, sketcher.sketch());
  const [column] = schema.columns;
  if (column === undefined) return { kind: '–', column: '–' };
  const { type } = JSON.parse(toSchemaString(schema)).fields[1];
  return { kind: kindText(column.type).replace(/<.*/, ''), column: typeof type === 'string' ? type : type.type };
}

describe('docs/types.md', () => {
  test.each(ROWS.map((row, i) => [row.bson, i] as const))('%s (row %i) is what the code does', (_, i) => {
    const row = ROWS[i] as TypeRow;
    const { kind, column } = row;
    expect(folded(row)).toEqual({ kind, column });
  });

  test('has every BSON type', () => {
    const shown = new Set(ROWS.map(({ value }) => value.type));
    expect(Object.values(BSON).filter((type) => !shown.has(type))).toEqual([]);
  });
});

describe('the type table of README.md', () => {
  const stated = tableUnder('README.md', 'Types').flatMap(([names = '', column = '']) =>
    names.split(', ').map((name) => ({ name, column })),
  );
  /** Rows of the documentation by their names, without those of values that go elsewhere; UUIDs are binaries to BSON. */
  const documented = new Map(ROWS.map(({ bson, column }) => [bson, column === '–' ? 'null' : column]));

  test.each(stated)('$name: $column', ({ name, column }) => {
    expect(name === 'missing' ? 'null' : documented.get(name)).toBe(column);
  });

  test('has every type of docs/types.md', () => {
    const names = [...documented.keys()].filter((name) => !name.includes(','));
    expect(names.filter((name) => !stated.some((row) => row.name === name))).toEqual([]);
  });
});
