/** Writes what is made from the configuration's schema: the editor's JSON Schema, docs/configuration.md, and the types of the library. */
import { writeFileSync } from 'node:fs';
import { renderConfigPage } from '../src/shared/config/help.ts';
import { renderJsonSchema } from '../src/shared/config/json-schema.ts';
import { renderConfigTypes, renderSettingsTypes } from '../src/shared/config/type-text.ts';

writeFileSync(new URL('../schema/mongolake.schema.json', import.meta.url), renderJsonSchema());
writeFileSync(new URL('../docs/configuration.md', import.meta.url), renderConfigPage());
writeFileSync(new URL('../src/library/config.ts', import.meta.url), renderConfigTypes());
writeFileSync(new URL('../src/library/settings.ts', import.meta.url), renderSettingsTypes());
