// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { SETTING_NAMES } from './settings.ts';

const WRITTEN = "// Written by `npm run schema` from the configuration's schema; change that instead.";

const SETTINGS_HEAD = [
  WRITTEN,
  '',
  '/** A reference to a variable or a secret, which may stand for a value of any type: `${NAME}`, `${vault:path#key}`. */',
  'export type Reference = `${string}\\${${string}`;',
  '',
  '/** Settings of tables: of all under `defaults`, of a pipeline, or of one under its `collections`. */',
].join('\n');

const CONFIG_HEAD = [
  WRITTEN,
  "import type { MongolakeSettings, Reference } from './settings.ts';",
  '',
  '/**',
  ' * A configuration as an object, of the same shape as the file. Durations and sizes are strings with a unit (`5m`, `128MB`), and any',
  ' * string may hold references. Relative paths start at the working directory, where these comments say "this file".',
  ' */',
].join('\n');

/** The text of `src/library/settings.ts`: what can differ from table to table, as TypeScript has it. */
export function renderSettingsTypes(): string {
  const settings = configJsonSchema().properties?.defaults ?? {};
  return `${SETTINGS_HEAD}\nexport interface MongolakeSettings ${bodyOf(settings, '')}\n`;
}

/** The text of `src/library/config.ts`: the configuration as TypeScript has it. */
export function renderConfigTypes(): string {
  return `${CONFIG_HEAD}\nexport interface MongolakeConfig ${bodyOf(configJsonSchema(), '')}\n`;
}

function typeOf(schema: JsonSchema, indent: string): string {
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return schema.type === 'integer' ? 'number' : schema.enum.map(literal).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((choice) => typeOf(choice, indent)).join(' | ');
  if (schema.pattern === '\\$\\{') return 'Reference';
  if (schema.items !== undefined) return `readonly ${itemOf(schema.items, indent)}[]`;
  if (schema.properties !== undefined) return objectType(schema, indent);
  if (schema.additionalProperties) return `Readonly<Record<string, ${typeOf(schema.additionalProperties, indent)}>>`;
  return schema.type === 'integer' ? 'number' : (schema.type ?? 'unknown');
}

/** The type of a list's items; one of several stands in brackets. */
function itemOf(schema: JsonSchema, indent: string): string {
  const type = typeOf(schema, indent);
  return schema.anyOf !== undefined || schema.oneOf !== undefined ? `(${type})` : type;
}

/** Settings by their name, and beside them what the object has of its own. */
function objectType(schema: JsonSchema, indent: string): string {
  const all = Object.entries(schema.properties ?? {});
  const own = all.filter(([name]) => !(SETTING_NAMES as readonly string[]).includes(name));
  if (all.length - own.length < SETTING_NAMES.length) return bodyOf(schema, indent);
  if (own.length === 0) return 'MongolakeSettings';
  return `MongolakeSettings & ${bodyOf({ ...schema, properties: Object.fromEntries(own) }, indent)}`;
}

function bodyOf({ properties = {}, required = [] }: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).flatMap(([name, property]) => {
    const type = typeOf(property, inner);
    const isOptional = !required.includes(name);
    return [
      ...docOf(property).map((doc) => `${inner}${doc}`),
      `${inner}readonly ${name}${isOptional ? '?' : ''}: ${type}${isOptional ? ' | undefined' : ''};`,
    ];
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/** Links of the documentation as the paths of its pages. */
function docOf({ description, default: preset }: JsonSchema): readonly string[] {
  if (description === undefined) return [];
  const text = description.replace(/\[[^\]]*\]\(([^)]*)\)/g, 'docs/$1');
  const isValue = preset !== undefined && typeof preset !== 'object';
  return [`/** ${text}${isValue ? ` By default ${literal(preset)}.` : ''} */`];
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
