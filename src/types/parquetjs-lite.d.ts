/** The part of parquetjs-lite 0.8.7 that we use; it brings no types. */
declare module 'parquetjs-lite' {
  namespace parquet {
    /** A field of a schema, in the order of the file's schema elements: a group comes before what is in it. */
    interface SchemaField {
      readonly name: string;
      /** Names from the root on; joined with commas it is the key of the field's pages. */
      readonly path: readonly string[];
      readonly isNested?: true;
      /** Of a leaf, a key of `Type`. */
      readonly primitiveType?: string;
      readonly typeLength?: number;
      readonly encoding?: 'PLAIN';
      readonly compression?: 'SNAPPY' | 'GZIP';
      readonly statistics?: false;
      readonly rLevelMax: number;
      readonly dLevelMax: number;
    }

    interface WriterOptions {
      readonly useDataPageV2: false;
      readonly pageIndex: false;
    }

    interface EncodedPage {
      /** Header and body. */
      readonly page: Buffer;
      /** With the nulls. */
      readonly num_values: number;
      readonly first_row_index: number;
    }

    class ParquetEnvelopeWriter {
      constructor(
        schema: { readonly fieldList: readonly SchemaField[] },
        /** Not always awaited. */
        write: (bytes: Uint8Array) => unknown,
        close: () => unknown,
        fileOffset: number,
        options: WriterOptions,
      );
      /** Bytes written. */
      readonly offset: number;
      readonly rowCount: number;
      /** As the footer lists them. */
      readonly rowGroups: readonly object[];
      writeHeader(): unknown;
      writeRowGroup(group: {
        readonly rowCount: number;
        readonly pages: Record<string, readonly EncodedPage[]>;
      }): unknown;
      writeSection(bytes: Uint8Array): unknown;
    }

    interface ColumnChunk {
      readonly meta_data: { readonly path_in_schema: readonly string[] };
    }

    /** Dremel levels of every value and null, and the values that are not null. */
    interface ColumnData {
      readonly rlevels: readonly number[];
      readonly dlevels: readonly number[];
      readonly values: readonly unknown[];
      readonly count: number;
    }

    interface FileSchemaElement {
      readonly name: string;
      /** A value of `FieldRepetitionType`. */
      readonly repetition_type: number | null;
      readonly num_children: number | null;
      /** A value of `Type`. */
      readonly type: number | null;
      readonly type_length: number | null;
    }

    interface FileMetadata {
      /** The root first, then depth first. */
      readonly schema: readonly FileSchemaElement[];
      /** 64-bit integers are objects that have a number as their value. */
      readonly row_groups: readonly { readonly num_rows: object; readonly columns: readonly ColumnChunk[] }[];
    }

    /** Its errors may be strings. */
    class ParquetEnvelopeReader {
      static openFile(path: string): Promise<ParquetEnvelopeReader>;
      readHeader(): Promise<void>;
      readFooter(): Promise<FileMetadata>;
      readColumnChunk(
        schema: { findField(path: readonly string[]): Partial<SchemaField> },
        chunk: ColumnChunk,
      ): Promise<ColumnData>;
      close(): Promise<void>;
    }
  }
  export = parquet;
}

declare module 'parquetjs-lite/lib/codec/plain.js' {
  const plain: {
    /** Changes `values`. Integers of 64 bits as bigint or number, byte arrays as strings or bytes. */
    encodeValues(type: string, values: unknown[], options: { readonly typeLength?: number | undefined }): Buffer;
  };
  export = plain;
}

declare module 'parquetjs-lite/lib/compression.js' {
  const compression: { deflate(method: 'SNAPPY', bytes: Buffer): Buffer };
  export = compression;
}

declare module 'parquetjs-lite/lib/util.js' {
  const util: { serializeThrift(struct: object): Buffer };
  export = util;
}

/** The structures of parquet.thrift, by the names that it has there. Fields that are left out are not written. */
declare module 'parquetjs-lite/gen-nodejs/parquet_types.js' {
  type Struct = new (fields?: Readonly<Record<string, unknown>>) => object;
  type Enum = Readonly<Record<string, number>>;
  const thrift: Readonly<
    Record<
      | 'DataPageHeader'
      | 'DecimalType'
      | 'FileMetaData'
      | 'KeyValue'
      | 'LogicalType'
      | 'MicroSeconds'
      | 'PageHeader'
      | 'SchemaElement'
      | 'StringType'
      | 'TimestampType'
      | 'TimeUnit',
      Struct
    >
  > &
    Readonly<Record<'ConvertedType' | 'Encoding' | 'FieldRepetitionType' | 'PageType' | 'Type', Enum>>;
  export = thrift;
}
