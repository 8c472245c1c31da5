import { BSON, UUID_SUBTYPE } from './bson.ts';
import { isTextAt } from './bson-text.ts';
import { type FixedText, type FixedType, fixedText, fixedUnits } from './fixed.ts';
import { isDoubleExact, readInt64Number } from './numbers.ts';
import { TIMESTAMP_MAX_MS, TIMESTAMP_MIN_MS } from './schema.ts';

/**
 * What a value is, as far as it decides which column can hold it exactly. `wideLong` is an integer past ±2^53, `wholeDouble` a double
 * that is such an integer; `emptyStruct` and `emptyArray` have no type yet; `json` is what only EJSON can hold, dates outside
 * years 1–9999 and strings that are not UTF-8 included; `decimal(p,s)` is a number that a decimal column configured for its field holds.
 */
export type ValueClass =
  | 'null'
  | 'string'
  | 'objectId'
  | 'uuid'
  | 'decimal'
  | FixedText
  | 'long'
  | 'wideLong'
  | 'wholeDouble'
  | 'double'
  | 'boolean'
  | 'timestamp'
  | 'binary'
  | 'json'
  | 'struct'
  | 'emptyStruct'
  | 'array'
  | 'emptyArray';

/** The class of the value that starts at `at`. */
export function valueClass(bytes: Buffer, type: number, at: number): ValueClass {
  switch (type) {
    case BSON.string:
    case BSON.symbol:
      return isTextAt(bytes, at) ? 'string' : 'json';
    case BSON.objectId:
      return 'objectId';
    case BSON.int32:
      return 'long';
    case BSON.int64:
      return isDoubleExact(bytes, at) ? 'long' : 'wideLong';
    case BSON.double: {
      const value = bytes.readDoubleLE(at);
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'wholeDouble' : 'double';
    }
    case BSON.decimal128:
      return 'decimal';
    case BSON.boolean:
      return 'boolean';
    case BSON.date: {
      const ms = readInt64Number(bytes, at);
      return ms >= TIMESTAMP_MIN_MS && ms <= TIMESTAMP_MAX_MS ? 'timestamp' : 'json';
    }
    case BSON.binary:
      return bytes[at + 4] === UUID_SUBTYPE && bytes.readInt32LE(at) === 16 ? 'uuid' : 'binary';
    case BSON.null:
    case BSON.undefined:
      return 'null';
    case BSON.object:
      return bytes.readInt32LE(at) === 5 ? 'emptyStruct' : 'struct';
    case BSON.array:
      return bytes.readInt32LE(at) === 5 ? 'emptyArray' : 'array';
    default:
      return 'json';
  }
}

/** The class of a value whose field has a configured type: `json` takes all but null, a decimal what is exactly one. */
export function classAs(
  configured: 'json' | FixedType | undefined,
  bytes: Buffer,
  type: number,
  at: number,
): ValueClass {
  const own = valueClass(bytes, type, at);
  if (configured === undefined || own === 'null') return own;
  if (configured === 'json') return 'json';
  return fixedUnits(bytes, type, at, configured) === undefined ? own : fixedText(configured);
}
