/** The part of parquetjs-lite 0.8.7 that we use; it brings no types. */
declare module 'parquetjs-lite' {
  interface FieldDefinition {
    /** A key of `PARQUET_LOGICAL_TYPES`; for a field with `fields`, `LIST`, `MAP` or nothing. */
    type?: string;
    optional?: boolean;
    repeated?: boolean;
    fields?: SchemaDefinition;
    compression?: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY';
    statistics?: false;
  }

  interface SchemaDefinition {
    [name: string]: FieldDefinition;
  }

  interface WriterOptions {
    /** In rows. */
    rowGroupSize?: number;
    /** In rows. */
    pageSize?: number;
    useDataPageV2?: boolean;
    pageIndex?: boolean;
  }

  class ParquetSchema {
    /** Writes its defaults into `schema`: give every field an object of its own. */
    constructor(schema: SchemaDefinition);
  }

  class ParquetEnvelopeWriter {
    constructor(
      schema: ParquetSchema,
      /** Not always awaited. */
      write: (bytes: Uint8Array) => unknown,
      close: () => unknown,
      fileOffset: number,
      options: WriterOptions,
    );
  }

  /** Dremel levels of every value and null; the values that are not null, as the codec takes them. */
  interface ShreddedColumn {
    readonly rlevels: number[];
    readonly dlevels: number[];
    readonly values: unknown[];
    count: number;
  }

  class ParquetWriter {
    constructor(schema: ParquetSchema, envelope: ParquetEnvelopeWriter, options: WriterOptions);
    /** The row group so far; an empty object before its first row. Columns by the names of their path, joined with commas. */
    readonly rowBuffer: {
      rowCount: number;
      pageRowCount: number;
      readonly columnData?: Record<string, ShreddedColumn>;
    };
    /** To be awaited before the next one. */
    appendRow(row: object): Promise<void>;
    close(): Promise<void>;
  }

  const parquet: {
    readonly ParquetSchema: typeof ParquetSchema;
    readonly ParquetEnvelopeWriter: typeof ParquetEnvelopeWriter;
    readonly ParquetWriter: typeof ParquetWriter;
  };
  export = parquet;
}

declare module 'parquetjs-lite/lib/types.js' {
  interface LogicalType {
    readonly primitiveType: string;
    readonly originalType?: string;
    readonly toPrimitive: (value: never) => unknown;
    readonly fromPrimitive?: (value: never) => unknown;
  }

  const types: {
    /** By name. A type may be added; an `originalType` that Parquet doesn't know leaves no trace in the file. */
    readonly PARQUET_LOGICAL_TYPES: Record<string, LogicalType>;
  };
  export = types;
}
