import type { DuckDBDataChunk as DataChunk, DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { BSON, type Element, findElement } from '../../shared/domain/bson.ts';
import { type Cursor, type CursorReader, cursorPath, cursorReader, cursorValue } from '../../shared/domain/cursor.ts';
import { takeDeletion } from '../../shared/domain/deletion.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { documentId } from './document-id.ts';
import { BIGINT, bindings, DuckDBDataChunk, VARCHAR } from './duckdb.ts';
import { extraColumn } from './extra.ts';
import { type IdBuilder, idBuilder } from './id-builder.ts';
import { type BuilderContext, Level, type Watch } from './nested.ts';
import { TextBuilder } from './text-builder.ts';
import { TextHeap } from './text-heap.ts';
import { duckdbType, Int64Builder } from './vectors.ts';

/** Rows of one DuckDB data chunk (STANDARD_VECTOR_SIZE), and the bytes of texts made after which one is flushed early. */
const CHUNK_ROWS = 2048;
const CHUNK_BYTES = 16 * 1024 * 1024;

/** Bytes of documents after which the appender hands over its rows: what it holds does not count as DuckDB's memory. */
const PENDING_BYTES = 8 * 1024 * 1024;

/**
 * Columns of the delta table that are not in the schema: the order of readings, and the cursor in epoch milliseconds. No column of
 * a table has such a name, since Delta forbids the sign.
 */
export const SEQ_COLUMN = '=seq';
export const CURSOR_COLUMN = '=cursor';

/** Appends BSON documents to the delta table, and deletions to theirs. */
export interface Decoder {
  /** Appends whole documents, back to back. */
  append(documents: Buffer): void;
  /** Closes the appender. */
  close(): void;
  /** Documents so far, with the deletions. */
  readonly documents: number;
  readonly deletions: number;
  /** Whether some double so far is -0.0. */
  readonly minusZero: boolean;
  /** Whether the ids so far came in the table's order, each greater than the one before: the rows are sorted, and no id comes twice. */
  readonly isAscending: boolean;
}

/**
 * A decoder into the table `delta`, whose columns are `=seq`, `=cursor`, `_id`, the schema's columns in order and the JSON column, and
 * `deletions`, which has the first three; there an `_id` that is text is its UTF-8, since an appender ends text at a NUL.
 */
export async function openDecoder(connection: DuckDBConnection, schema: TableSchema, cursor: Cursor): Promise<Decoder> {
  const [delta, deletions] = [await connection.createAppender('delta'), await connection.createAppender('deletions')];
  return new TableDecoder(delta, deletions, schema, cursor);
}

class TableDecoder implements Decoder {
  documents = 0;
  deletions = 0;
  readonly #heap = new TextHeap();
  readonly #context: BuilderContext;
  readonly #extra = extraColumn();
  readonly #seqs = new Int64Builder();
  readonly #cursors = new Int64Builder();
  readonly #ids: IdBuilder;
  readonly #top: Level;
  readonly #extras: TextBuilder;
  readonly #chunk: DataChunk;
  /** Names on the way to the cursor below the document's own field. */
  readonly #insideCursor: readonly string[];
  /** The documents that are appended now, and what was found in the one at hand. */
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes of documents that the appender has and the table has not. */
  #pending = 0;
  #id: Element | undefined;
  #time: Element | undefined;
  readonly #readCursor: CursorReader;

  constructor(
    readonly appender: DuckDBAppender,
    readonly deletionAppender: DuckDBAppender,
    readonly schema: TableSchema,
    readonly cursor: Cursor,
  ) {
    this.#context = { ...this.#extra.context, minusZero: false, heap: this.#heap };
    this.#extras = new TextBuilder(this.#heap);
    this.#ids = idBuilder(schema.idType, this.#heap);
    this.#readCursor = cursorReader(cursor);
    const [cursorName = '', ...inside] = cursorPath(cursor);
    this.#insideCursor = inside;
    const names = [ID_COLUMN, cursorName];
    const take: Watch['take'] = (name, type, at, end) => {
      if (name === cursorName) this.#time ??= { type, at, end };
      if (name !== ID_COLUMN) return false;
      this.#id ??= { type, at, end };
      return true;
    };
    this.#top = new Level(schema.columns, this.#context, { names, take });
    this.#chunk = DuckDBDataChunk.create([
      BIGINT,
      BIGINT,
      schema.idType === 'long' ? BIGINT : VARCHAR,
      ...schema.columns.map((column) => duckdbType(column.type)),
      ...(schema.extra === null ? [] : [VARCHAR]),
    ]);
  }

  get minusZero(): boolean {
    return this.#context.minusZero;
  }

  get isAscending(): boolean {
    return this.#ids.isAscending;
  }

  append(documents: Buffer): void {
    this.#bytes = documents;
    this.#heap.hold(documents);
    this.#appendAll(documents);
    this.#flush();
    this.#pending += documents.length;
    if (this.#pending < PENDING_BYTES) return;
    this.appender.flushSync();
    this.deletionAppender.flushSync();
    this.#pending = 0;
  }

  /** A loop of its own, as in the shuffle. */
  #appendAll(documents: Buffer): void {
    for (let at = 0; at < documents.length; at += int32At(documents, at)) {
      if (takeDeletion(documents, at)) this.#appendDeletion(at);
      else this.#appendDocument(at);
      if (this.#seqs.count === CHUNK_ROWS || this.#heap.madeLength > CHUNK_BYTES) this.#flush();
    }
  }

  close(): void {
    this.appender.closeSync();
    this.deletionAppender.closeSync();
  }

  #appendDeletion(at: number): void {
    const { deletionAppender, schema } = this;
    this.deletions++;
    deletionAppender.appendBigInt(BigInt(this.documents++));
    const cursor = this.#readCursor(this.#bytes, at);
    if (cursor === undefined) deletionAppender.appendNull();
    else deletionAppender.appendBigInt(cursor);
    const id = documentId(this.#bytes, at, schema.idType);
    if (typeof id === 'bigint') deletionAppender.appendBigInt(id);
    else deletionAppender.appendBlob(Buffer.from(id, 'utf8'));
    deletionAppender.endRow();
  }

  #appendDocument(at: number): void {
    this.#id = undefined;
    this.#time = undefined;
    this.#seqs.pushNumber(this.documents++);
    this.#top.append(this.#bytes, at);
    const id = this.#id as Element | undefined;
    if (id === undefined) throw new MongolakeError('DOCUMENT_BROKEN', 'a document without _id');
    this.#ids.append(this.#bytes, id.type, id.at, id.end);
    this.#appendCursor();
    const rest = this.#extra.take(this.schema.extra);
    if (rest !== null) this.#extras.push(rest);
    else if (this.schema.extra !== null) this.#extras.appendNull();
  }

  #appendCursor(): void {
    const inside = this.#insideCursor;
    const own = this.#time;
    const element = own !== undefined && inside.length > 0 ? within(this.#bytes, own, inside) : own;
    if (element?.type === BSON.date && this.cursor.type === 'date') {
      this.#cursors.pushBytes(this.#bytes, element.at);
      return;
    }
    const value = element && cursorValue(this.cursor.type, this.#bytes, element);
    if (value === undefined) this.#cursors.appendNull();
    else this.#cursors.pushBigInt(value);
  }

  #flush(): void {
    const rows = this.#seqs.count;
    if (rows === 0) return;
    const chunk = this.#chunk;
    this.#heap.settle();
    chunk.reset();
    const vectorOf = (index: number) => bindings.data_chunk_get_vector(chunk.chunk, index);
    this.#seqs.flush(vectorOf(0));
    this.#cursors.flush(vectorOf(1));
    this.#ids.flush(vectorOf(2));
    this.#top.flush((index) => vectorOf(index + 3));
    if (this.schema.extra !== null) this.#extras.flush(vectorOf(this.schema.columns.length + 3));
    bindings.data_chunk_set_size(chunk.chunk, rows);
    this.appender.appendDataChunk(chunk);
    this.#heap.clear();
  }
}

function within(bytes: Buffer, { type, at }: Element, path: readonly string[]): Element | undefined {
  return type === BSON.object ? findElement(bytes, at, path) : undefined;
}
