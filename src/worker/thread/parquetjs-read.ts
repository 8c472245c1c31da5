import { MongolakeError } from '../../shared/domain/errors.ts';
import type { TableSchema } from '../../shared/domain/schema.ts';
import { assembler } from '../../shared/parquetjs/assemble.ts';
import type { Field } from '../../shared/parquetjs/fields.ts';
import { openParquetReader } from '../../shared/parquetjs/read.ts';
import { idField, parquetFields, type Row, type Value } from './rows.ts';

/** A row group of a data file: read when it is asked for. */
export interface RowGroup {
  /** The ids of its rows, ascending. */
  ids(): Promise<readonly Value[]>;
  /** Its rows in the same order, as rows of the newest schema: what an older file lacks is null. */
  rows(): Promise<readonly Row[]>;
}

/** The row groups of a file that this engine wrote, in order. Throws `OBJECT_CORRUPT` where it can't be read. */
export async function* rowGroups(path: string, schema: TableSchema): AsyncGenerator<RowGroup> {
  const reader = await readable(path, () => openParquetReader(path));
  try {
    for (const [index, count] of reader.groups.entries()) {
      const read = (fields: readonly Field[]) =>
        readable(path, async () => {
          const { leaves, rows } = assembler(fields, reader.fields);
          const columns = [];
          for (const leaf of leaves) columns.push(await reader.read(index, leaf));
          return rows(columns, count) as unknown as Row[];
        });
      yield {
        ids: async () => (await read([idField(schema.idType)])).map(([id]) => id as Value),
        rows: () => read(parquetFields(schema)),
      };
    }
  } finally {
    await reader.close();
  }
}

/** The library throws strings. */
async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MongolakeError('OBJECT_CORRUPT', `${path} can't be read by parquetjs-lite: ${reason}`, { cause: error });
  }
}
