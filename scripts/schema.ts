/** Writes schema/mongolake.schema.json; with --help-keys prints the table of all keys instead. */
import { writeFileSync } from 'node:fs';
import { renderConfigHelp } from '../src/shared/config/help.ts';
import { renderJsonSchema } from '../src/shared/config/json-schema.ts';

if (process.argv.includes('--help-keys')) process.stdout.write(renderConfigHelp());
else writeFileSync(new URL('../schema/mongolake.schema.json', import.meta.url), renderJsonSchema());
