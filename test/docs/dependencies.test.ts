import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Locked {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const { dependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
  string,
  Record<string, string>
>;
const names = [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})];
const rows = new Map(
  [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)].map((row) => [row[1], row[2]]),
);
const locked = Object.entries((JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages);

test('docs/dependencies.md has every package with its reason, and no other', () => {
  expect([...rows.keys()].sort()).toEqual([...names].sort());
  for (const reason of rows.values()) expect(reason?.length).toBeGreaterThan(8);
});

test('every package is used by the sources', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('types/'))
    .map((name) => read(`src/${name}`))
    .join('\n');
  const used = (name: string) => sources.includes(`from '${name}`) || sources.includes(`import('${name}`);
  expect(names.filter((name) => !used(name))).toEqual([]);
});

test('the lockfile has a SHA-512 of every package, of those for other machines too', () => {
  const unchecked = locked.filter(([path, { integrity }]) => path !== '' && !integrity?.startsWith('sha512-'));
  expect(unchecked.map(([path]) => path)).toEqual([]);
});

test('only one package that is installed with mongolake runs a script', () => {
  const running = locked.filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev).map(([path]) => path);
  expect(running).toEqual(['node_modules/msgpackr-extract']);
});
