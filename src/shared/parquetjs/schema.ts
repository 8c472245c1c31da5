import type { SchemaField } from 'parquetjs-lite';
import thrift from 'parquetjs-lite/gen-nodejs/parquet_types.js';
import { type Field, isGroup, type LeafType } from './fields.ts';
import { physical } from './physical.ts';

/** The library's snappy is JavaScript; gzip is native code of Node, and smaller. */
export type Codec = 'SNAPPY' | 'GZIP';

/** A field as the library knows it, and its schema element in the footer. */
export interface SchemaNode {
  readonly field: SchemaField;
  readonly element: object;
}

/**
 * The fields, depth first: the library's own schema can't hold a field called `__proto__`, nor keep the order of fields called `1`, and
 * it knows neither decimals nor the types of Parquet's newer `LogicalType`.
 */
export function schemaNodes(fields: readonly Field[], codec: Codec): readonly SchemaNode[] {
  return fields.flatMap((field) => nodesOf(field, codec, [], 0, 0));
}

function nodesOf(
  field: Field,
  codec: Codec,
  parents: readonly string[],
  repetition: number,
  definition: number,
): SchemaNode[] {
  const { name } = field;
  const path = [...parents, name];
  const rLevelMax = repetition + (field.repetition === 'repeated' ? 1 : 0);
  const dLevelMax = definition + (field.repetition === 'required' ? 0 : 1);
  const common = { name, repetition_type: thrift.FieldRepetitionType[field.repetition.toUpperCase()] };
  if (isGroup(field)) {
    const annotation = field.annotation && { converted_type: thrift.ConvertedType[field.annotation] };
    const element = new thrift.SchemaElement({ ...common, num_children: field.fields.length, ...annotation });
    const own: SchemaNode = { field: { name, path, isNested: true, rLevelMax, dLevelMax }, element };
    return [own, ...field.fields.flatMap((child) => nodesOf(child, codec, path, rLevelMax, dLevelMax))];
  }
  const { type, length } = physical(field.type);
  const typeLength = length === undefined ? {} : { type_length: length };
  return [
    {
      field: {
        name,
        path,
        rLevelMax,
        dLevelMax,
        primitiveType: type,
        ...(length === undefined ? {} : { typeLength: length }),
        encoding: 'PLAIN',
        compression: codec,
        // Its own are in the order of UTF-16, and a NaN or a date before 1970 breaks them; ours are in the table's log.
        statistics: false,
      },
      element: new thrift.SchemaElement({
        ...common,
        type: thrift.Type[type],
        ...typeLength,
        ...annotated(field.type),
      }),
    },
  ];
}

/** What tells a reader more than the physical type does, in Parquet's old way and its new. */
function annotated(type: LeafType): Readonly<Record<string, unknown>> {
  switch (type.kind) {
    case 'utf8':
      return annotation('UTF8', { STRING: new thrift.StringType() });
    case 'timestamp': {
      const unit = new thrift.TimeUnit({ MICROS: new thrift.MicroSeconds() });
      return annotation('TIMESTAMP_MICROS', { TIMESTAMP: new thrift.TimestampType({ isAdjustedToUTC: true, unit }) });
    }
    case 'decimal': {
      const { precision, scale } = type;
      const logical = { DECIMAL: new thrift.DecimalType({ precision, scale }) };
      return { ...annotation('DECIMAL', logical), precision, scale };
    }
    default:
      return {};
  }
}

function annotation(converted: string, logical: Readonly<Record<string, object>>): Readonly<Record<string, unknown>> {
  return { converted_type: thrift.ConvertedType[converted], logicalType: new thrift.LogicalType(logical) };
}
