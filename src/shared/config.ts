import { readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { crossCheck } from './config/check.ts';
import { type ConfigDocument, readDocument } from './config/document.ts';
import type { Environment, ReferenceResolver } from './config/interpolate.ts';
import { issueMessage, issueProblems } from './config/issues.ts';
import { type Problem, problemsError } from './config/problem.ts';
import { answeredReferences, collectReferences } from './config/references.ts';
import { type Config, configSchema, type ParsedConfig, type VaultConfig } from './config/schema.ts';
import { configSecrets } from './config/secrets.ts';
import { completeVault, vaultSchema } from './config/vault.ts';
import { MongolakeError } from './domain/errors.ts';
import { keepSecrets } from './domain/redact.ts';
import type { SecretAnswer, Secrets } from './ports/secrets.ts';

/** A configuration, and the store of secrets that it took values from; `undefined` where it refers to none. */
export interface LoadedConfig {
  readonly config: Config;
  readonly secrets: Secrets | undefined;
  /** The configuration with the values that the store has now; `undefined` where it refers to none. Errors: those of `loadConfig`. */
  readonly renew: (() => Promise<Config>) | undefined;
}

/** Path of a file, or what such a file would hold; relative paths of the latter start at the working directory. */
export type ConfigSource = string | object;

/**
 * Reads a configuration. The path is what messages show. `openSecrets` is called only where the file has `${vault:…}`
 * references and nothing else is wrong with it. Errors: `CONFIG_INVALID` (no such file, not YAML, wrong keys or values, no such
 * secret: all of them, with line, column and key), `CONFIG_VARIABLE` (a `${VAR}` is not set), and those of `Secrets`.
 */
export async function loadConfig(
  from: ConfigSource,
  env: Environment,
  openSecrets: (vault: VaultConfig) => Promise<Secrets>,
): Promise<LoadedConfig> {
  const path = typeof from === 'string' ? from : undefined;
  const text = typeof from === 'string' ? readText(from) : textOf(from);
  const asked = collectReferences();
  const { document, config, problems } = examine(text, path, env, [asked.resolver]);
  keepSecrets(configSecrets(document.value));
  const all = [...problems, ...asked.problems(document)];
  if (all.length > 0) throw problemsError(path, all);
  const references = asked.references();
  if (references.length === 0 && config !== undefined) return { config, secrets: undefined, renew: undefined };
  const secrets = await openSecrets(vaultOf(document, path));
  let answers = await secrets.read(references);
  const answered = () => {
    const config = parseConfig(text, path, env, [answeredReferences(references, answers)]);
    keepSecrets(configSecrets(config));
    return config;
  };
  const renew = async () => {
    // What is leased stays as it is while its lease is kept: to read it again would be to lease another one.
    const due = references.filter((reference) => !secrets.holds(reference.path));
    const paths = [...new Set(due.map(({ path }) => path))];
    // Each path by itself: what one gives may be leased from now on, and is kept, whatever becomes of the others.
    const outcomes = await Promise.allSettled(
      paths.map(async (path) => {
        const own = due.filter((reference) => reference.path === path);
        const read = await secrets.read(own);
        answers = references.map(
          (reference, index) => read[own.indexOf(reference)] ?? (answers[index] as SecretAnswer),
        );
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return answered();
  };
  return { config: answered(), secrets, renew };
}

/** The section by itself, which has no references to Vault and nothing wrong. */
function vaultOf(document: ConfigDocument, path: string | undefined): VaultConfig {
  const { vault } = document.value as { readonly vault: unknown };
  return completeVault(vaultSchema.parse(vault), dirname(absolute(path)));
}

/**
 * The configuration in `text`, with defaults and variables put in and relative paths made absolute from the folder of
 * `fileName`. Errors as `loadConfig`; no message holds a value, only keys and names of variables.
 */
export function parseConfig(
  text: string,
  fileName: string | undefined,
  env: Environment,
  resolvers: readonly ReferenceResolver[] = [],
): Config {
  const { config, problems } = examine(text, fileName, env, resolvers);
  if (config === undefined || problems.length > 0) throw problemsError(fileName, problems);
  return config;
}

/** Everything that is wrong, and the configuration as far as its values are known. */
function examine(
  text: string,
  fileName: string | undefined,
  env: Environment,
  resolvers: readonly ReferenceResolver[],
): { readonly document: ConfigDocument; readonly config: Config | undefined; readonly problems: readonly Problem[] } {
  const document = readDocument(text, env, resolvers);
  const { problems } = document;
  if (document.value === undefined) return { document, config: undefined, problems };
  const parsed = configSchema.safeParse(document.value, { error: issueMessage });
  if (!parsed.success) {
    return { document, config: undefined, problems: [...problems, ...issueProblems(parsed.error.issues, document)] };
  }
  const config = complete(parsed.data, absolute(fileName));
  return { document, config, problems: [...problems, ...crossCheck(config, document)] };
}

/** Where a file is; an object stands in the working directory, as a file of the usual name would. */
function absolute(fileName = 'mongolake.yaml'): string {
  return resolve(fileName);
}

/** Fills in what depends on the machine and on where the file is. */
function complete(parsed: ParsedConfig, file: string): Config {
  const { vault, ...rest } = parsed;
  const { concurrency, scratch, ...worker } = rest.worker;
  const folder = dirname(file);
  const connections = Object.entries(parsed.connections).map(
    ([name, connection]) => [name, absoluteFiles(connection, folder)] as const,
  );
  const { queue } = rest;
  return {
    ...rest,
    ...(vault === undefined ? {} : { vault: completeVault(vault, folder) }),
    connections: Object.fromEntries(connections),
    queue:
      queue.kind === 'redis' && queue.tls !== undefined ? { ...queue, tls: absoluteFiles(queue.tls, folder) } : queue,
    worker: {
      ...worker,
      concurrency: concurrency === 'auto' ? availableParallelism() : concurrency,
      scratch: scratch === undefined ? tmpdir() : resolve(folder, scratch),
    },
    file,
  };
}

const FILE_KEYS: ReadonlySet<string> = new Set(['path', 'caFile', 'certificateKeyFile', 'certFile', 'keyFile']);

/** A connection, or its `tls`, with its files' paths made absolute. */
function absoluteFiles<T extends object>(section: T, folder: string): T {
  const entries = Object.entries(section).map(([key, value]) => {
    if (key === 'tls') return [key, absoluteFiles(value, folder)];
    return [key, FILE_KEYS.has(key) ? resolve(folder, value) : value];
  });
  return Object.fromEntries(entries);
}

/** The object as YAML, of which JSON is a part: what is wrong with it is found and told as in a file. */
function textOf(config: unknown): string {
  let text: string | undefined;
  try {
    if (typeof config === 'object' && config !== null) text = JSON.stringify(config);
  } catch (cause) {
    throw new MongolakeError('CONFIG_INVALID', 'config: holds what JSON can not', { cause });
  }
  if (text === undefined) throw new MongolakeError('CONFIG_INVALID', 'config: expected a path or an object');
  return text;
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      const hint = 'run `mongolake init` to write one, or name another with -c FILE';
      throw new MongolakeError('CONFIG_INVALID', `${path}: there is no such file`, { hint, cause });
    }
    throw new MongolakeError('CONFIG_INVALID', `${path}: can not be read (${code ?? 'unknown error'})`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new MongolakeError('CONFIG_INVALID', `${path}: is not UTF-8 text`, { cause });
  }
}
