import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeedLine } from './child.ts';
import type { Mutation } from './mutations.ts';
import { ROOT, runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';

/** The product's text with the bug in it: file → text. Throws where the bug no longer applies: the text was changed since. */
export function applied({ name, changes }: Mutation, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, from, to } of changes) {
    const text = files.get(file) ?? read(file);
    const times = text.split(from).length - 1;
    if (times !== 1)
      throw new Error(`"${name}" no longer applies: its text is ${times} times in src/${file}:\n${from}`);
    // Not `replace` with a text, in which a dollar sign has a meaning.
    files.set(
      file,
      text.replace(from, () => to),
    );
  }
  return files;
}

/** The text of a file below `src/`. */
export function readSource(file: string): string {
  return readFileSync(join(ROOT, 'src', file), 'utf8');
}

/**
 * Plants the bug in a copy of the sources and simulates there; the first seed that notices it, `undefined` where none does. Rejects where
 * that seed breaks a promise without the bug, too.
 */
export async function firstToCatch(mutation: Mutation, from: number, to: number): Promise<SeedLine | undefined> {
  const changed = applied(mutation, readSource);
  const root = mkdtempSync(join(tmpdir(), 'mongolake-mutation-'));
  try {
    for (const path of ['src', 'test/sim', 'package.json', 'tsconfig.json']) {
      cpSync(join(ROOT, path), join(root, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const [file, text] of changed) writeFileSync(join(root, 'src', file), text);
    const focus = mutation.takes ?? [];
    const { broken } = await runSeeds({ from, to, root, focus, untilBroken: true });
    const caught = broken[0];
    if (caught === undefined) return undefined;
    const { violation } = await simulate(caught.seed, { focus });
    if (violation !== undefined) throw new Error(`seed ${caught.seed} is broken anyway: ${violation.message}`);
    return caught;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
