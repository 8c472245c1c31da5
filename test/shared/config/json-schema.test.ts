// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { configKeys, renderConfigHelp, renderConfigPage } from '../../../src/shared/config/help.ts';
import { renderInitConfig } from '../../../src/shared/config/init.ts';
import { maskReferences } from '../../../src/shared/config/interpolate.ts';
import { configJsonSchema, type JsonSchema, renderJsonSchema } from '../../../src/shared/config/json-schema.ts';
import { renderConfigTypes, renderSettingsTypes } from '../../../src/shared/config/type-text.ts';
import { parseDuration, parseSize } from '../../../src/shared/config/units.ts';
import { schemaErrors } from './json-schema-check.ts';
import { DESIGN_EXAMPLE, SMALL } from './sample.ts';

const schema = configJsonSchema();
const errorsOf = (yaml: string): string[] => {
  const { text, unmask } = maskReferences(yaml);
  return schemaErrors(
    schema,
    parseYaml(text, (_, value) => (typeof value === 'string' ? unmask(value) : value)),
  );
};

test('schema/mongolake.schema.json is up to date (else run: npx tsx scripts/schema.ts)', () => {
  const file = new URL('../../../schema/mongolake.schema.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(renderJsonSchema());
});

test('docs/configuration.md is up to date (else run: npm run schema)', () => {
  expect(readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')).toBe(renderConfigPage());
});

test.each([
  ['config', renderConfigTypes],
  ['settings', renderSettingsTypes],
])('src/library/%s.ts is up to date (else run: npm run schema)', (name, render) => {
  const file = new URL(`../../../src/library/${name}.ts`, import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(render());
});

test('is draft 7', () => {
  expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
});

describe('what an editor accepts', () => {
  test("the design's example", () => expect(errorsOf(DESIGN_EXAMPLE)).toEqual([]));

  test('what init writes', () => {
    const source = { kind: 'mongodb', uriVariable: 'MONGODB_URI', database: 'guest' } as const;
    expect(errorsOf(renderInitConfig({ source, collections: [], tableUri: 's3://lake/guest' }))).toEqual([]);
  });

  test('a variable wherever a value is', () => {
    const text = `${SMALL}maxConcurrentRuns: "\${RUNS}"
defaults: { partitions: "\${P}", retention: "\${R}", targetFileSize: "\${S}MB", schedule: "\${C}", compression: "\${Z:-zstd}", cursorField: "\${F}" }
worker: { concurrency: "\${N}", memory: "\${M}" }
`.replace('region: eu-west-1', 'region: "${REGION}", forcePathStyle: "${PATH}", endpoint: "${URL}"');
    expect(errorsOf(text)).toEqual([]);
  });

  test.each([
    ['an unknown key', `${SMALL}zebra: 1\n`, '$.zebra: additionalProperties'],
    ['a missing key', SMALL.replace('version: 1\n', ''), '$.version: required'],
    ['a key of another kind', SMALL.replace('region: eu-west-1', 'region: x, uri: y'), '$.connections.lake: oneOf'],
    ['a number for a duration', `${SMALL}defaults: { retention: 7 }\n`, '$.defaults.retention: type'],
    ['a duration without unit', `${SMALL}defaults: { retention: "7" }\n`, '$.defaults.retention: pattern'],
    ['no power of two', `${SMALL}defaults: { partitions: 48 }\n`, '$.defaults.partitions: anyOf'],
    ['a name with a blank', SMALL.replace(' db:', ' "my db":'), '$.connections.my db: pattern'],
    [
      'a setting of a collection',
      `${SMALL}    collections: { a: { retention: x } }\n`,
      '$.pipelines.guest.collections.a.retention: pattern',
    ],
  ])('not %s', (_, text, expected) => {
    expect(errorsOf(text)).toEqual([expected]);
  });

  test('durations and sizes as we read them', () => {
    const value = fc.array(fc.constantFrom('1', '5.5', 'm', 'h', 'MB', 'Gi', ' ', '-')).map((parts) => parts.join(''));
    const { allowedLateness, targetFileSize } = schema.properties?.defaults?.properties ?? {};
    fc.assert(
      fc.property(value, (text) => {
        expect(schemaErrors(allowedLateness ?? {}, text).length === 0).toBe(parseDuration(text) !== undefined);
        expect(schemaErrors(targetFileSize ?? {}, text).length === 0).toBe(parseSize(text) !== undefined);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what an editor shows', () => {
  test('every key has a description, and every value an example that it accepts', () => {
    const silent = allProperties(schema, '').filter(([, property]) => {
      const section = property.type === 'object' || property.oneOf !== undefined || property.const !== undefined;
      const examples = property.examples ?? [];
      const told = section || examples.length > 0;
      return (
        (property.description ?? '') === '' || !told || examples.some((one) => schemaErrors(property, one).length > 0)
      );
    });
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('defaults are what the schema gives for nothing', () => {
    const defaults = schema.properties?.defaults?.properties ?? {};
    expect(Object.entries(defaults).map(([key, property]) => [key, property.default])).toEqual([
      ['mode', 'incremental'],
      ['cursorField', 'updateTime'],
      ['cursorType', 'date'],
      ['allowedLateness', '5m'],
      ['partitions', 'auto'],
      ['schedule', '15m'],
      ['staleAfter', undefined],
      ['engine', 'duckdb'],
      ['targetFileSize', '128MB'],
      ['rowGroupSize', 122_880],
      ['compression', 'zstd'],
      ['compressionLevel', 3],
      ['deletes', 'none'],
      ['deletedField', 'deletedAt'],
      ['verifySchedule', 'none'],
      ['verifyRepair', false],
      ['maxQuarantined', 1000],
      ['maxConcurrentReads', undefined],
      ['documentsPerSecond', undefined],
      ['checkpointInterval', 10],
      ['retention', '7d'],
      ['leaseTtl', '30s'],
      ['columns', undefined],
    ]);
  });

  function allProperties(node: JsonSchema, path: string): [string, JsonSchema][] {
    const own = Object.entries(node.properties ?? {}).flatMap(([key, property]) => [
      [`${path}.${key}`, property] as [string, JsonSchema],
      ...allProperties(property, `${path}.${key}`),
    ]);
    const inner =
      typeof node.additionalProperties === 'object' ? allProperties(node.additionalProperties, `${path}.*`) : [];
    return [...own, ...inner, ...(node.oneOf ?? []).flatMap((kind, index) => allProperties(kind, `${path}[${index}]`))];
  }
});

describe('help', () => {
  test('tells every key once, settings under defaults', () => {
    const paths = configKeys().map((key) => key.path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toContain('connections.<name>[s3].credentials.sessionToken');
    expect(paths).toContain('defaults.leaseTtl');
    expect(paths).toContain('pipelines.<name>.<setting>');
    expect(paths).toContain('pipelines.<name>.collections.<name>.<setting>');
    expect(paths).not.toContain('pipelines.<name>.leaseTtl');
  });

  test('is a Markdown table with type and default', () => {
    const help = renderConfigHelp();
    expect(help).toContain('| `defaults.partitions` | "auto" or power of two | `auto` | Hash partitions');
    expect(help).toContain('| `worker.memory` | size | `512MB` |');
    expect(help).toContain('| `connections.<name>[s3].region` | string | required |');
    expect(
      help
        .trimEnd()
        .split('\n')
        .every((line) => line.split(/(?<!\\)\|/).length === 6),
    ).toBe(true);
  });
});
