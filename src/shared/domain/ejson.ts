import { BSON, walkElements } from './bson.ts';
import { fieldName, isText } from './bson-text.ts';
import { doubleAt, int32At, uint32At } from './little-endian.ts';
import { decimalText, numberIdentity } from './numbers.ts';

/**
 * Any value in canonical EJSON (MongoDB Extended JSON v2), as text, straight from its bytes: the order of fields and every
 * type kept. A text that is not UTF-8 is written by its bytes. The value must have passed `checkValue`, as all that a sketch saw has.
 */
export function canonicalJson(bytes: Buffer, type: number, at: number, end: number): string {
  switch (type) {
    case BSON.double:
      return doubleJson(doubleAt(bytes, at));
    case BSON.int32:
      return `{"$numberInt":"${int32At(bytes, at)}"}`;
    case BSON.int64:
      return `{"$numberLong":"${bytes.readBigInt64LE(at)}"}`;
    case BSON.decimal128:
      return `{"$numberDecimal":"${decimalText(bytes, at)}"}`;
    case BSON.string:
      return stringJson(bytes, at);
    case BSON.symbol:
      return `{"$symbol":${stringJson(bytes, at)}}`;
    case BSON.object:
    case BSON.array:
      return containerJson(bytes, type, at, canonicalJson);
    default:
      return otherJson(bytes, type, at, end, canonicalJson);
  }
}

/**
 * An `_id` in canonical EJSON with every number in its one text, at any depth: equal in MongoDB means equal here, and nothing
 * else does. A text that is not UTF-8 is written by its bytes. An object with a `$` in front of some field name is wrapped as
 * `{"$document":…}`, so that it is never read as a value.
 */
export function identityJson(bytes: Buffer, type: number, at: number, end: number): string {
  switch (type) {
    case BSON.double:
    case BSON.int32:
    case BSON.int64:
    case BSON.decimal128:
      return numberIdentity(bytes, type, at);
    case BSON.string:
    case BSON.symbol:
      return stringJson(bytes, at);
    case BSON.array:
      return containerJson(bytes, type, at, identityJson);
    case BSON.object: {
      const text = containerJson(bytes, type, at, identityJson);
      return hasDollar(bytes, at) ? `{"$document":${text}}` : text;
    }
    default:
      return otherJson(bytes, type, at, end, identityJson);
  }
}

type Json = (bytes: Buffer, type: number, at: number, end: number) => string;

function doubleJson(value: number): string {
  if (Object.is(value, -0)) return '{"$numberDouble":"-0.0"}';
  return `{"$numberDouble":"${Number.isInteger(value) ? value.toFixed(1) : value}"}`;
}

function stringJson(bytes: Buffer, at: number): string {
  return textJson(bytes, at + 4, at + 3 + int32At(bytes, at));
}

/** A text as a JSON string; where it is not UTF-8, which no JSON can hold, its bytes in base64. */
function textJson(bytes: Buffer, start: number, end: number): string {
  if (isText(bytes, start, end)) return JSON.stringify(bytes.toString('utf8', start, end));
  return `{"$invalidUtf8":"${bytes.toString('base64', start, end)}"}`;
}

function containerJson(bytes: Buffer, type: number, at: number, json: Json): string {
  const parts: string[] = [];
  walkElements(bytes, at, (childType, nameStart, nameEnd, valueAt, end) => {
    const value = json(bytes, childType, valueAt, end);
    parts.push(type === BSON.array ? value : `${JSON.stringify(fieldName(bytes, nameStart, nameEnd))}:${value}`);
    return true;
  });
  return type === BSON.array ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

const DOLLAR = 0x24;

function hasDollar(bytes: Buffer, at: number): boolean {
  let found = false;
  walkElements(bytes, at, (_type, nameStart) => {
    found = bytes[nameStart] === DOLLAR;
    return !found;
  });
  return found;
}

/** The types that are written the same in both forms, but for a scope inside. */
function otherJson(bytes: Buffer, type: number, at: number, end: number, json: Json): string {
  switch (type) {
    case BSON.null:
      return 'null';
    case BSON.undefined:
      return '{"$undefined":true}';
    case BSON.boolean:
      return bytes[at] === 0 ? 'false' : 'true';
    case BSON.objectId:
      return `{"$oid":"${bytes.toString('hex', at, at + 12)}"}`;
    case BSON.date:
      return `{"$date":{"$numberLong":"${bytes.readBigInt64LE(at)}"}}`;
    case BSON.timestamp:
      return `{"$timestamp":{"t":${uint32At(bytes, at + 4)},"i":${uint32At(bytes, at)}}}`;
    case BSON.binary:
      return binaryJson(bytes, at, end);
    case BSON.regex:
      return regexJson(bytes, at, end);
    case BSON.code:
      return `{"$code":${stringJson(bytes, at)}}`;
    case BSON.codeWithScope: {
      const scopeAt = at + 8 + int32At(bytes, at + 4);
      return `{"$code":${stringJson(bytes, at + 4)},"$scope":${json(bytes, BSON.object, scopeAt, end)}}`;
    }
    case BSON.dbPointer:
      return `{"$dbPointer":{"$ref":${stringJson(bytes, at)},"$id":{"$oid":"${bytes.toString('hex', end - 12, end)}"}}}`;
    default:
      return type === BSON.minKey ? '{"$minKey":1}' : '{"$maxKey":1}';
  }
}

function binaryJson(bytes: Buffer, at: number, end: number): string {
  const subType = bytes.toString('hex', at + 4, at + 5);
  return `{"$binary":{"base64":"${bytes.toString('base64', at + 5, end)}","subType":"${subType}"}}`;
}

function regexJson(bytes: Buffer, at: number, end: number): string {
  const nul = bytes.indexOf(0, at);
  const [pattern, options] = [textJson(bytes, at, nul), textJson(bytes, nul + 1, end - 1)];
  return `{"$regularExpression":{"pattern":${pattern},"options":${options}}}`;
}
