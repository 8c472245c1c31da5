import parquet, { type ColumnData, type FileMetadata, type FileSchemaElement } from 'parquetjs-lite';
import thrift from 'parquetjs-lite/gen-nodejs/parquet_types.js';

/** A field of a file's schema. */
export interface FileField {
  readonly name: string;
  readonly rLevelMax: number;
  readonly dLevelMax: number;
  /** Of a group. */
  readonly children: readonly FileField[];
  /** Of a leaf: its place among the columns of a row group. */
  readonly column: number;
  readonly typeLength: number | undefined;
}

/** A file that parquetjs-lite reads: one that it wrote. Its errors may be strings. */
export interface ParquetReader {
  /** The top level of its schema. */
  readonly fields: readonly FileField[];
  /** Rows of each row group. */
  readonly groups: readonly number[];
  /** All of a leaf in one row group. */
  read(group: number, leaf: FileField): Promise<ColumnData>;
  close(): Promise<void>;
}

/** Opens a file. Only its envelope reader is used: the reader around it loses a field called `__proto__`. */
export async function openParquetReader(path: string): Promise<ParquetReader> {
  const envelope = await parquet.ParquetEnvelopeReader.openFile(path);
  const close = () => envelope.close();
  let metadata: FileMetadata;
  try {
    await envelope.readHeader();
    metadata = await envelope.readFooter();
  } catch (error) {
    await close();
    throw error;
  }
  const groups = metadata.row_groups;
  return {
    fields: fieldsOf(metadata.schema),
    groups: groups.map(({ num_rows }) => Number(num_rows)),
    read(group, { rLevelMax, dLevelMax, typeLength, column }) {
      const chunk = groups[group]?.columns[column];
      if (chunk === undefined) throw new Error(`no column ${column} in row group ${group}`);
      const field = { rLevelMax, dLevelMax, ...(typeLength === undefined ? {} : { typeLength }) };
      return envelope.readColumnChunk({ findField: () => field }, chunk);
    },
    close,
  };
}

function fieldsOf([root, ...elements]: readonly FileSchemaElement[]): readonly FileField[] {
  let at = 0;
  let columns = 0;
  const take = (count: number, repetition: number, definition: number): FileField[] =>
    Array.from({ length: count }, () => {
      const element = elements[at++];
      if (element === undefined) throw new Error('the schema has fewer fields than it says');
      const kind = element.repetition_type;
      const rLevelMax = repetition + (kind === thrift.FieldRepetitionType.REPEATED ? 1 : 0);
      const dLevelMax = definition + (kind === thrift.FieldRepetitionType.REQUIRED ? 0 : 1);
      const inner = element.num_children ?? 0;
      const column = inner === 0 ? columns++ : -1;
      const children = take(inner, rLevelMax, dLevelMax);
      return {
        name: element.name,
        rLevelMax,
        dLevelMax,
        children,
        column,
        typeLength: element.type_length ?? undefined,
      };
    });
  return take(root?.num_children ?? 0, 0, 0);
}
