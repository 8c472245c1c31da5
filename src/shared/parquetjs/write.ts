import parquet, { type EncodedPage } from 'parquetjs-lite';
import thrift from 'parquetjs-lite/gen-nodejs/parquet_types.js';
import util from 'parquetjs-lite/lib/util.js';
import type { Field } from './fields.ts';
import { encodePage } from './page.ts';
import { type Codec, schemaNodes } from './schema.ts';
import { shredder } from './shred.ts';

/** A Parquet file while it is written, a row group at a time. */
export interface ParquetWriter {
  /** Rows of the open row group, and about how much memory they take. */
  readonly pending: { readonly rows: number; readonly bytes: number };
  /** Bytes written so far: those of whole row groups. */
  readonly size: number;
  append(row: unknown): void;
  /** Ends the row group, and awaits its writing. */
  flush(): Promise<void>;
  /** Writes what is left and the footer. */
  close(): Promise<void>;
}

/** Its data pages of version 2 and its page index of several pages are broken. */
const OPTIONS = { useDataPageV2: false, pageIndex: false } as const;

/**
 * Writes rows with parquetjs-lite: its structures, codec, compression and envelope. `metadata` goes to the footer. Calls of `write`
 * are awaited one by one; its errors pass unchanged.
 */
export function openParquetWriter(
  fields: readonly Field[],
  write: (bytes: Uint8Array) => Promise<void>,
  metadata: Readonly<Record<string, string>> = {},
  codec: Codec = 'SNAPPY',
): ParquetWriter {
  const nodes = schemaNodes(fields, codec);
  const leaves = nodes.map(({ field }) => field).filter(({ isNested }) => isNested === undefined);
  // The library doesn't await every write; so it writes into an array, which is emptied here.
  const written: Uint8Array[] = [];
  const keep = (bytes: Uint8Array): unknown => written.push(bytes);
  const fieldList = nodes.map(({ field }) => field);
  const envelope = new parquet.ParquetEnvelopeWriter({ fieldList }, keep, () => undefined, 0, OPTIONS);
  const shredded = shredder(fields);
  const pending = {
    rows: 0,
    get bytes() {
      return shredded.bytes;
    },
  };
  const drain = async (): Promise<void> => {
    for (const bytes of written.splice(0)) await write(bytes);
  };
  const flush = async (): Promise<void> => {
    if (pending.rows === 0) return;
    const pages: Record<string, EncodedPage[]> = Object.create(null);
    for (const [i, column] of shredded.columns.entries()) {
      const field = leaves[i] as (typeof leaves)[number];
      pages[field.path.join()] = [encodePage(field, column)];
    }
    envelope.writeRowGroup({ rowCount: pending.rows, pages });
    pending.rows = 0;
    shredded.clear();
    await drain();
  };
  envelope.writeHeader();
  return {
    pending,
    get size() {
      return envelope.offset;
    },
    append(row) {
      shredded.add(row);
      pending.rows += 1;
    },
    flush,
    async close() {
      await flush();
      const root = new thrift.SchemaElement({ name: 'root', num_children: fields.length });
      const schema = [root, ...nodes.map(({ element }) => element)];
      envelope.writeSection(footer(schema, envelope.rowCount, envelope.rowGroups, metadata));
      await drain();
    },
  };
}

function footer(
  schema: readonly object[],
  rows: number,
  rowGroups: readonly object[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const bytes = util.serializeThrift(
    new thrift.FileMetaData({
      version: 1,
      created_by: 'mongolake with parquetjs-lite',
      schema,
      num_rows: rows,
      row_groups: rowGroups,
      key_value_metadata: Object.entries(metadata).map(([key, value]) => new thrift.KeyValue({ key, value })),
    }),
  );
  const end = Buffer.alloc(8);
  end.writeUInt32LE(bytes.length, 0);
  end.write('PAR1', 4, 'latin1');
  return Buffer.concat([bytes, end]);
}
