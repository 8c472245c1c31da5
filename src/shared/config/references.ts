// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written so
import type { SecretAnswer, SecretReference } from '../ports/secrets.ts';
import type { ConfigDocument } from './document.ts';
import type { ReferenceResolver } from './interpolate.ts';
import type { KeyPath, Problem } from './problem.ts';

const SCHEME = 'vault';

/** What a configuration asks of Vault. Fills while the document is read with `resolver`. */
export interface AskedReferences {
  /** Puts every answer off. */
  readonly resolver: ReferenceResolver;
  /** Those that are well formed, each once. */
  references(): readonly SecretReference[];
  /** What is wrong with them before anybody asks Vault. */
  problems(document: ConfigDocument): Problem[];
}

/** Collects the `${vault:…}` references of a document. */
export function collectReferences(): AskedReferences {
  const asked: { readonly name: string; readonly path: KeyPath }[] = [];
  return {
    resolver: {
      scheme: SCHEME,
      resolve(name, path) {
        asked.push({ name, path });
        return { later: true };
      },
    },
    references() {
      const names = [...new Set(asked.map(({ name }) => name))];
      return names.map(parseSecretReference).filter((reference) => reference !== undefined);
    },
    problems(document) {
      const hasVault = (document.value as { readonly vault?: unknown } | undefined)?.vault !== undefined;
      return asked.flatMap(({ name, path }) => {
        const message = problemOf(name, path, hasVault);
        if (message === undefined) return [];
        return [
          { code: 'CONFIG_INVALID', place: document.valuePlace(path), path, message: `\${vault:${name}}: ${message}` },
        ];
      });
    },
  };
}

function problemOf(name: string, path: KeyPath, hasVault: boolean): string | undefined {
  if (path[0] === 'vault') return 'how Vault is reached can not come from Vault; take it from the environment';
  if (parseSecretReference(name) === undefined) {
    return 'expected a path, # and a key, such as ${vault:secret/data/mongolake#mongo_password}';
  }
  return hasVault ? undefined : 'needs a vault: section that says which Vault answers';
}

/** Answers from what was read. */
export function answeredReferences(
  references: readonly SecretReference[],
  answers: readonly SecretAnswer[],
): ReferenceResolver {
  const byName = new Map(references.map(({ path, key }, index) => [`${path}#${key}`, answers[index]]));
  return {
    scheme: SCHEME,
    resolve(name) {
      const answer = byName.get(name);
      if (answer === undefined) return { problem: 'it was not asked for' };
      return 'value' in answer ? answer : { problem: answer.missing };
    },
  };
}

/** `path#key`; the path as of a read, without `v1/`. `undefined` where it is not so written. */
export function parseSecretReference(name: string): SecretReference | undefined {
  const match = /^([^\s#?%]+)#([^#]*[^#\s])$/.exec(name);
  const [, path, key] = match ?? [];
  if (path === undefined || key === undefined) return undefined;
  const segments = path.split('/');
  return segments.length < 2 || segments.some((segment) => /^\.{0,2}$/.test(segment)) ? undefined : { path, key };
}
