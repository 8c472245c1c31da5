import type { JsonSchema } from '../../../src/shared/config/json-schema.ts';

const ANNOTATIONS = ['$schema', 'title', 'description', 'default', 'examples'];

/** Where `value` does not fit the schema; empty where it does. Throws at a keyword it does not know, rather than skip it. */
export function schemaErrors(schema: JsonSchema, value: unknown, at = '$'): string[] {
  return Object.keys(schema).flatMap((keyword) => checkKeyword(schema, keyword, value, at));
}

function checkKeyword(schema: JsonSchema, keyword: string, value: unknown, at: string): string[] {
  const refuse = (bad: boolean): string[] => (bad ? [`${at}: ${keyword}`] : []);
  const fits = (inner: JsonSchema): boolean => schemaErrors(inner, value, at).length === 0;
  if (ANNOTATIONS.includes(keyword)) return [];
  switch (keyword) {
    case 'type':
      return refuse(!hasType(value, schema.type ?? ''));
    case 'const':
      return refuse(value !== schema.const);
    case 'enum':
      return refuse(!(schema.enum ?? []).includes(value));
    case 'pattern':
      return refuse(typeof value === 'string' && !new RegExp(schema.pattern ?? '').test(value));
    case 'minLength':
      return refuse(typeof value === 'string' && value.length < (schema.minLength ?? 0));
    case 'minimum':
      return refuse(typeof value === 'number' && value < (schema.minimum ?? 0));
    case 'maximum':
      return refuse(typeof value === 'number' && value > (schema.maximum ?? 0));
    case 'minItems':
      return refuse(Array.isArray(value) && value.length < (schema.minItems ?? 0));
    case 'anyOf':
      return refuse(!(schema.anyOf ?? []).some(fits));
    case 'oneOf':
      return refuse((schema.oneOf ?? []).filter(fits).length !== 1);
    case 'items':
      return Array.isArray(value)
        ? value.flatMap((item, i) => schemaErrors(schema.items ?? {}, item, `${at}[${i}]`))
        : [];
    case 'required':
      return isMap(value)
        ? (schema.required ?? []).filter((key) => !Object.hasOwn(value, key)).map((key) => `${at}.${key}: required`)
        : [];
    case 'propertyNames':
      return isMap(value)
        ? Object.keys(value).flatMap((key) => schemaErrors(schema.propertyNames ?? {}, key, `${at}.${key}`))
        : [];
    case 'properties':
      return isMap(value) ? knownProperties(schema, value, at) : [];
    case 'additionalProperties':
      return isMap(value) ? otherProperties(schema, value, at) : [];
    default:
      throw new Error(`keyword ${keyword} at ${at} is not known to this check`);
  }
}

function knownProperties(schema: JsonSchema, value: Record<string, unknown>, at: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    Object.hasOwn(value, key) ? schemaErrors(inner, value[key], `${at}.${key}`) : [],
  );
}

function otherProperties(schema: JsonSchema, value: Record<string, unknown>, at: string): string[] {
  const others = Object.keys(value).filter((key) => !Object.hasOwn(schema.properties ?? {}, key));
  const inner = schema.additionalProperties;
  if (inner === false) return others.map((key) => `${at}.${key}: additionalProperties`);
  return others.flatMap((key) => schemaErrors(inner ?? {}, value[key], `${at}.${key}`));
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'object') return isMap(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
