import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of JSON Schema (draft 7) that the configuration's schema is written in. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** The schema by which editors complete and check `mongolake.yaml`. A `${VAR}` is taken wherever a value is. */
export function configJsonSchema(): JsonSchema {
  const document = z.toJSONSchema(configSchema, {
    target: 'draft-7',
    io: 'input',
    // zod leaves out the examples of what is transformed, taking them for outputs. Ours are what a user types.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  return document as JsonSchema;
}

/** The text of `schema/mongolake.schema.json`. */
export function renderJsonSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
