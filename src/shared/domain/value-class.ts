import { BSON, UUID_SUBTYPE } from './bson.ts';
import { isTextAt } from './bson-text.ts';
import { type FixedText, type FixedType, fixedText, fixedUnits } from './fixed.ts';
import { doubleAt, int32At } from './little-endian.ts';
import { isDoubleExact, readInt64Number } from './numbers.ts';
import { TIMESTAMP_MAX_MS, TIMESTAMP_MIN_MS } from './schema.ts';

/**
 * What a value is, as far as it decides which column can hold it exactly. `wideLong` is an integer past ±2^53, `wholeDouble` a double
 * that is such an integer; `emptyStruct` and `emptyArray` have no type yet; `json` is what only EJSON can hold, dates outside
 * years 1–9999 and strings that are not UTF-8 included. What is inside the last three is walked.
 */
const CLASSES = [
  'null',
  'string',
  'objectId',
  'uuid',
  'decimal',
  'long',
  'wideLong',
  'wholeDouble',
  'double',
  'boolean',
  'timestamp',
  'binary',
  'emptyStruct',
  'emptyArray',
  'json',
  'struct',
  'array',
] as const;

/** `decimal(p,s)` is a number that a decimal column configured for its field holds. */
export type ValueClass = (typeof CLASSES)[number] | FixedText;

/** A class by its place in the list, which costs less to be counted by than a text. */
export type ClassCode = number;

/** The codes by the names of their classes. */
export const CODE = Object.fromEntries(CLASSES.map((name, code) => [name, code])) as Readonly<
  Record<(typeof CLASSES)[number], ClassCode>
>;

/** The code past all others: of a number that the decimal column configured for its field holds. */
export const FIXED_CODE: ClassCode = CLASSES.length;

/** The class of a code; `fixed` is what is configured for the field. */
export function classOf(code: ClassCode, fixed?: FixedType): ValueClass {
  return code === FIXED_CODE && fixed !== undefined ? fixedText(fixed) : (CLASSES[code] as ValueClass);
}

/** The class of the value that starts at `at`. */
export function valueClass(bytes: Buffer, type: number, at: number): ValueClass {
  return CLASSES[classCode(bytes, type, at)] as ValueClass;
}

/** The codes of types whose values are all of one class; −1 where the value has to be looked at. */
const ONE_CLASS = new Int8Array(256).fill(CODE.json);
for (const type of [BSON.string, BSON.symbol, BSON.int64, BSON.double, BSON.date, BSON.binary, BSON.object, BSON.array])
  ONE_CLASS[type] = -1;
for (const type of [BSON.null, BSON.undefined]) ONE_CLASS[type] = CODE.null;
ONE_CLASS[BSON.objectId] = CODE.objectId;
ONE_CLASS[BSON.int32] = CODE.long;
ONE_CLASS[BSON.decimal128] = CODE.decimal;
ONE_CLASS[BSON.boolean] = CODE.boolean;

/** As `valueClass`. */
export function classCode(bytes: Buffer, type: number, at: number): ClassCode {
  const only = ONE_CLASS[type] as number;
  return only < 0 ? codeOfValue(bytes, type, at) : only;
}

function codeOfValue(bytes: Buffer, type: number, at: number): ClassCode {
  switch (type) {
    case BSON.string:
    case BSON.symbol:
      return isTextAt(bytes, at) ? CODE.string : CODE.json;
    case BSON.int64:
      return isDoubleExact(bytes, at) ? CODE.long : CODE.wideLong;
    case BSON.double: {
      const value = doubleAt(bytes, at);
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? CODE.wholeDouble : CODE.double;
    }
    case BSON.date: {
      const ms = readInt64Number(bytes, at);
      return ms >= TIMESTAMP_MIN_MS && ms <= TIMESTAMP_MAX_MS ? CODE.timestamp : CODE.json;
    }
    case BSON.binary:
      return bytes[at + 4] === UUID_SUBTYPE && int32At(bytes, at) === 16 ? CODE.uuid : CODE.binary;
    case BSON.object:
      return int32At(bytes, at) === 5 ? CODE.emptyStruct : CODE.struct;
    case BSON.array:
      return int32At(bytes, at) === 5 ? CODE.emptyArray : CODE.array;
    default:
      throw new RangeError(`type 0x${type.toString(16)} is of one class`);
  }
}

/** The code of a value whose field has a configured type: `json` takes all but null, a decimal what is exactly one. */
export function codeAs(configured: 'json' | FixedType | undefined, bytes: Buffer, type: number, at: number): ClassCode {
  const own = classCode(bytes, type, at);
  if (configured === undefined || own === CODE.null) return own;
  if (configured === 'json') return CODE.json;
  return fixedUnits(bytes, type, at, configured) === undefined ? own : FIXED_CODE;
}
