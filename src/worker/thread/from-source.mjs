// A piscina thread of a process that runs from the TypeScript sources (tests, examples): it needs the loader too.
import { register } from 'tsx/esm/api';

register();
const entry = await import('./entry.ts');
export const { merge, compare, rewrite, locate, shuffle } = entry;
