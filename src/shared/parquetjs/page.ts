import { gzipSync } from 'node:zlib';
import type { EncodedPage, SchemaField } from 'parquetjs-lite';
import thrift from 'parquetjs-lite/gen-nodejs/parquet_types.js';
import plain from 'parquetjs-lite/lib/codec/plain.js';
import compression from 'parquetjs-lite/lib/compression.js';
import util from 'parquetjs-lite/lib/util.js';
import { encodeLevels } from './levels.ts';
import type { LeafColumn } from './shred.ts';

/** The fastest. */
const GZIP_LEVEL = 1;

const { RLE, PLAIN } = thrift.Encoding;

/** A leaf's values as one data page of version 1, compressed as the field says. */
export function encodePage(field: SchemaField, { rlevels, dlevels, values }: LeafColumn): EncodedPage {
  const body = Buffer.concat([
    ...(field.rLevelMax === 0 ? [] : [encodeLevels(rlevels, field.rLevelMax)]),
    ...(field.dLevelMax === 0 ? [] : [encodeLevels(dlevels, field.dLevelMax)]),
    plain.encodeValues(field.primitiveType ?? '', values, { typeLength: field.typeLength }),
  ]);
  const compressed =
    field.compression === 'GZIP' ? gzipSync(body, { level: GZIP_LEVEL }) : compression.deflate('SNAPPY', body);
  const header = new thrift.PageHeader({
    type: thrift.PageType.DATA_PAGE,
    uncompressed_page_size: body.length,
    compressed_page_size: compressed.length,
    data_page_header: new thrift.DataPageHeader({
      num_values: dlevels.length,
      encoding: PLAIN,
      definition_level_encoding: RLE,
      repetition_level_encoding: RLE,
    }),
  });
  const page = Buffer.concat([util.serializeThrift(header), compressed]);
  return { page, num_values: dlevels.length, first_row_index: 0 };
}
