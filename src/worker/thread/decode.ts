import { BIGINT, type DuckDBConnection, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { type Cursor, cursorReader } from '../../shared/domain/cursor.ts';
import type { TableSchema } from '../../shared/domain/schema.ts';
import { documentId } from './document-id.ts';
import { extraColumn } from './extra.ts';
import { type BuilderContext, level } from './nested.ts';
import { duckdbType, longBuilder, textBuilder } from './vectors.ts';

/** Rows of one DuckDB data chunk (STANDARD_VECTOR_SIZE), and the bytes of documents after which one is flushed early. */
const CHUNK_ROWS = 2048;
const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Columns of the delta table that are not in the schema: the order of readings, and the cursor in epoch milliseconds. No column of
 * a table has such a name, since Delta forbids the sign.
 */
export const SEQ_COLUMN = '=seq';
export const CURSOR_COLUMN = '=cursor';

/** Appends BSON documents to the delta table. */
export interface Decoder {
  /** Appends the document at `at`. `bytes` must stay as they are until the next `flush`. */
  append(bytes: Buffer, at: number, seq: number): void;
  /** Hands what was appended to DuckDB. */
  flush(): void;
  /** Flushes and closes the appender. */
  close(): void;
  /** Whether some double so far is -0.0. */
  readonly minusZero: boolean;
}

/**
 * A decoder into `table`, whose columns are `=seq`, `=cursor`, `_id`, the schema's columns in order and the JSON column.
 */
export async function openDecoder(
  connection: DuckDBConnection,
  table: string,
  schema: TableSchema,
  cursor: Cursor,
): Promise<Decoder> {
  const appender = await connection.createAppender(table);
  const readCursor = cursorReader(cursor);
  const extra = extraColumn();
  const extras = textBuilder();
  const context: BuilderContext = { ...extra.context, minusZero: false };
  const top = level(schema.columns, context, '_id');
  const seqs = longBuilder();
  const cursors = longBuilder();
  const ids = idBuilder(schema.idType);
  const chunk = DuckDBDataChunk.create([
    BIGINT,
    BIGINT,
    schema.idType === 'long' ? BIGINT : VARCHAR,
    ...schema.columns.map((column) => duckdbType(column.type)),
    ...(schema.extra === null ? [] : [VARCHAR]),
  ]);
  let pendingBytes = 0;
  const flush = () => {
    const rows = seqs.count;
    if (rows === 0) return;
    chunk.reset();
    const vectorOf = (index: number) => duckdb.data_chunk_get_vector(chunk.chunk, index);
    seqs.flush(vectorOf(0));
    cursors.flush(vectorOf(1));
    ids.builder.flush(vectorOf(2));
    top.flush((index) => vectorOf(index + 3));
    if (schema.extra !== null) extras.flush(vectorOf(schema.columns.length + 3));
    duckdb.data_chunk_set_size(chunk.chunk, rows);
    appender.appendDataChunk(chunk);
    pendingBytes = 0;
  };
  return {
    get minusZero() {
      return context.minusZero;
    },
    append(bytes, at, seq) {
      seqs.push(BigInt(seq));
      const time = readCursor(bytes, at);
      if (time === undefined) cursors.appendNull();
      else cursors.push(time);
      ids.append(bytes, at);
      top.append(bytes, at);
      const rest = extra.take(schema.extra);
      if (rest !== null) extras.push(rest);
      else if (schema.extra !== null) extras.appendNull();
      pendingBytes += bytes.readInt32LE(at);
      if (seqs.count === CHUNK_ROWS || pendingBytes > CHUNK_BYTES) flush();
    },
    flush,
    close() {
      flush();
      appender.closeSync();
    },
  };
}

function idBuilder(idType: TableSchema['idType']) {
  const longs = longBuilder();
  const texts = textBuilder();
  return {
    builder: idType === 'long' ? longs : texts,
    append(bytes: Buffer, at: number): void {
      const id = documentId(bytes, at, idType);
      if (typeof id === 'bigint') longs.push(id);
      else texts.push(Buffer.from(id, 'utf8'));
    },
  };
}
