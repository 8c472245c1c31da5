import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { SETTING_NAMES } from './settings.ts';
import { DURATION_PATTERN, SIZE_PATTERN } from './units.ts';

/** One key of the configuration, as the documentation tells it. */
export interface ConfigKey {
  /** `pipelines.<name>.table.uri`; the kind of a connection or queue in brackets: `connections.<name>[s3].region`. */
  readonly path: string;
  /** `duration`, `integer or "auto"`, `map` … */
  readonly type: string;
  readonly required: boolean;
  readonly default: unknown;
  readonly description: string;
  readonly examples: readonly unknown[];
}

/** Every key, sections before what is in them. Settings are told once, under `defaults`. */
export function configKeys(): readonly ConfigKey[] {
  return keysOf(configJsonSchema(), '');
}

/** All keys as a Markdown table, for the documentation. */
export function renderConfigHelp(): string {
  const rows = configKeys().map((key) => {
    const value = key.required ? 'required' : key.default === undefined ? '' : code(key.default);
    const example = key.examples.map(code).join(', ');
    const text = example === '' ? key.description : `${key.description} Such as ${example}.`;
    return `| \`${key.path}\` | ${cell(key.type)} | ${cell(value)} | ${cell(text)} |`;
  });
  return ['| key | type | default | what it is |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function keysOf(schema: JsonSchema, base: string): ConfigKey[] {
  const properties = Object.entries(schema.properties ?? {});
  const repeated = base.startsWith('pipelines') && isSettings(schema);
  const own = properties
    .filter(([name]) => !(repeated && (SETTING_NAMES as readonly string[]).includes(name)))
    .flatMap(([name, property]) => keyAndBelow(property, `${base}${base === '' ? '' : '.'}${name}`, schema, name));
  if (repeated) own.push(settingsKey(base));
  return own;
}

function isSettings(schema: JsonSchema): boolean {
  return SETTING_NAMES.every((name) => schema.properties?.[name] !== undefined);
}

function settingsKey(base: string): ConfigKey {
  const description = 'Any key of `defaults`, where it differs here.';
  return {
    path: `${base}.<setting>`,
    type: 'as in defaults',
    required: false,
    default: undefined,
    description,
    examples: [],
  };
}

function keyAndBelow(schema: JsonSchema, path: string, parent: JsonSchema, name: string): ConfigKey[] {
  const section = schema.type === 'object' || schema.oneOf !== undefined;
  const key: ConfigKey = {
    path,
    type: typeOf(schema),
    required: parent.required?.includes(name) ?? false,
    default: section && isEmpty(schema.default) ? undefined : schema.default,
    description: schema.description ?? '',
    examples: section ? [] : (schema.examples ?? []),
  };
  return [key, ...below(schema, path)];
}

function below(schema: JsonSchema, path: string): ConfigKey[] {
  const kinds = schema.oneOf ?? [];
  if (schema.items !== undefined) return keysOf(schema.items, `${path}[]`);
  if (kinds.length > 0) return kinds.flatMap((kind) => keysOf(kind, `${path}[${discriminatorOf(kind)}]`));
  if (typeof schema.additionalProperties !== 'object') return keysOf(schema, path);
  const inner = schema.additionalProperties;
  const base = `${path}.<name>`;
  return inner.oneOf === undefined ? keysOf(inner, base) : below(inner, base);
}

/** What tells one kind from the others: the value of its one fixed key. */
function discriminatorOf(schema: JsonSchema): string {
  const fixed = Object.values(schema.properties ?? {}).find((property) => property.const !== undefined);
  return String(fixed?.const);
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined && schema.type === 'integer') return 'power of two';
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.anyOf !== undefined)
    return schema.anyOf
      .filter((one) => one.pattern === undefined)
      .map(typeOf)
      .join(' or ');
  if (schema.pattern?.endsWith(DURATION_PATTERN) === true) return 'duration';
  if (schema.pattern?.endsWith(SIZE_PATTERN) === true) return 'size';
  if (schema.type === 'array') return 'list';
  return schema.type === 'object' || schema.oneOf !== undefined ? 'map' : (schema.type ?? 'any');
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** docs/configuration.md, whole. */
export function renderConfigPage(): string {
  return `# Configuration

One YAML file, \`mongolake.yaml\` unless \`-c FILE\` says otherwise. \`mongolake init\` writes a commented one; \`mongolake schema --config\` prints the
JSON Schema that editors complete from. This page is made from the same schema (\`npm run schema\`).

- \`\${VAR}\` is taken from the environment and must be set there; \`\${VAR:-default}\` need not be. Quote it: \`uri: "\${MONGODB_URI}"\`. \`$\${\` is a literal \`\${\`.
- \`\${vault:secret/data/mongolake#mongo_password}\` is read from HashiCorp Vault at start, where there is a \`vault\` section: see [secrets](secrets.md).
- Durations are \`90s\`, \`5m\`, \`1h 30m\`; sizes \`128MB\` (10^6) or \`128MiB\` (2^20).
- Relative paths start at the folder of the file. An unknown key is an error that names its line.
- The settings under \`defaults\` may also stand in a pipeline, and in its \`collections.<name>\`; the nearest one holds.

${renderConfigHelp()}`;
}
