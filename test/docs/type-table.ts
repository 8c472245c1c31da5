import { readFileSync } from 'node:fs';
import { Binary, EJSON } from 'bson';
import { parse } from 'lossless-json';
import { BSON } from '../../src/shared/domain/bson.ts';
import { type Placed, placed, placedRaw, text } from '../shared/domain/bson-bytes.ts';

/** A row of the table in docs/types.md. */
export interface TypeRow {
  /** As named there: `Date`, or `Date, another year` for values of a type that go elsewhere. */
  readonly bson: string;
  readonly value: Placed;
  /** As `kindText` has it, without an array's elements; `–` for none. */
  readonly kind: string;
  /** The Delta type; `–` for none. */
  readonly column: string;
  /** As `readTable` gives it. */
  readonly shown: unknown;
}

/** The cells of each row of the Markdown tables under a heading, the header and its line left out. */
export function tableUnder(file: string, heading: string): string[][] {
  const page = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

/** Every row of docs/types.md. */
export function documentedTypes(): TypeRow[] {
  return tableUnder('docs/types.md', 'The table').map(
    ([bson = '', example = '', kind = '', column = '', shown = '']) => ({
      bson,
      value: placedFrom(uncoded(example)),
      kind,
      column,
      shown: parse(uncoded(shown), undefined, number),
    }),
  );
}

function uncoded(cell: string): string {
  return cell.replace(/^`|`$/g, '');
}

/** As the readers' process gives numbers. */
function number(text: string): number | bigint {
  const value = Number(text);
  return /[.eE]/.test(text) || Number.isSafeInteger(value) ? value : BigInt(text);
}

/** BSON of a value in canonical EJSON; four of them the bson library does not take as they are. */
function placedFrom(ejson: string): Placed {
  const json = JSON.parse(ejson);
  if (json?.$invalidUtf8 !== undefined) return placedRaw(BSON.string, text(Buffer.from(json.$invalidUtf8, 'base64')));
  if (json?.$binary !== undefined)
    return placed(new Binary(Buffer.from(json.$binary.base64, 'base64'), Number.parseInt(json.$binary.subType, 16)));
  if (json?.$undefined !== undefined) return placedRaw(BSON.undefined, Buffer.alloc(0));
  if (json?.$dbPointer !== undefined) {
    const { $ref, $id } = json.$dbPointer;
    return placedRaw(BSON.dbPointer, Buffer.concat([text($ref), Buffer.from($id.$oid, 'hex')]));
  }
  return placed(EJSON.parse(ejson, { relaxed: false }));
}
