import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { PLACE_KEY, SECRET_KEY, SECTIONS } from '../../src/shared/config/secrets.ts';
import { EXAMPLES } from './chart.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('the chart deploys the version that it comes with', () => {
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };
  const chart = parse(read('helm/Chart.yaml')) as { readonly version: string; readonly appVersion: string };
  expect(chart).toMatchObject({ apiVersion: 'v2', name: 'mongolake', version, appVersion: version });
});

interface Schema {
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

it('the schema of the values names the sections of the configuration, all of them', () => {
  const values = JSON.parse(read('helm/values.schema.json')) as Schema;
  const config = JSON.parse(read('schema/mongolake.schema.json')) as Schema;
  const sections = Object.keys(values.properties?.config?.properties ?? {});
  expect(sections.sort()).toEqual(Object.keys(config.properties ?? {}).sort());
});

it('the chart takes the same keys for secrets as mongolake does', () => {
  const template = read('helm/templates/_config.tpl');
  for (const { source } of [SECRET_KEY, PLACE_KEY]) expect(template).toContain(`regexMatch "(?i)${source}" .key`);
  const sections = SECTIONS.map((section) => `"${section}"`).join(' ');
  expect(template).toContain(`pick $merged ${sections} -}}`);
});

const SCHEMA = JSON.parse(read('helm/values.schema.json')) as Schema;
const validate = new Ajv({ strict: false }).compile(SCHEMA);

it('the schema and values.yaml have the same keys, and no object with known keys takes others', () => {
  expect(missing(SCHEMA, parse(read('helm/values.yaml')), '')).toEqual([]);
  expect(open(SCHEMA, '')).toEqual([]);
  expect(validate(parse(read('helm/values.yaml'))), JSON.stringify(validate.errors)).toBe(true);
});

it.each(Object.entries(EXAMPLES))('%s, an example, is as the schema says', (_, values) => {
  expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
});

/** Keys of the schema without a default in values.yaml, but for those of `config` and what helm sets. */
function missing(schema: Schema, value: unknown, path: string): string[] {
  if (['.config', '.global'].includes(path) || /\.(?:resources|behavior|affinity)$/.test(path)) return [];
  if (value === undefined) return [path];
  return Object.entries(resolved(schema).properties ?? {}).flatMap(([key, inner]) =>
    missing(inner, (value as Readonly<Record<string, unknown>>)[key], `${path}.${key}`),
  );
}

function open(schema: Schema, path: string): string[] {
  const { properties, additionalProperties } = resolved(schema);
  // Of a connection and a pipeline only a few keys are looked at; the program looks at all.
  if (properties === undefined || path.startsWith('.config.')) return [];
  const inner = Object.entries(properties).flatMap(([key, value]) => open(value, `${path}.${key}`));
  return additionalProperties === false ? inner : [path, ...inner];
}

function resolved(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = SCHEMA.definitions?.[schema.$ref.replace('#/definitions/', '')];
  if (found === undefined) throw new Error(`the schema has no ${schema.$ref}`);
  return found;
}
