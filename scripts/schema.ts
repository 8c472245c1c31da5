/** Writes what is made from the configuration's schema: the editor's JSON Schema and docs/configuration.md. */
import { writeFileSync } from 'node:fs';
import { renderConfigPage } from '../src/shared/config/help.ts';
import { renderJsonSchema } from '../src/shared/config/json-schema.ts';

writeFileSync(new URL('../schema/mongolake.schema.json', import.meta.url), renderJsonSchema());
writeFileSync(new URL('../docs/configuration.md', import.meta.url), renderConfigPage());
