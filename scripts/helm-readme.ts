/** Writes the tables of helm/README.md, which are made from the comments of helm/values.yaml. */
import { readFileSync, writeFileSync } from 'node:fs';
import { renderReadme } from './helm-values.ts';

const README = new URL('../helm/README.md', import.meta.url);
const VALUES = new URL('../helm/values.yaml', import.meta.url);

writeFileSync(README, renderReadme(readFileSync(README, 'utf8'), readFileSync(VALUES, 'utf8')));
