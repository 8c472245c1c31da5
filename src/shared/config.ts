import { readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { crossCheck } from './config/check.ts';
import { readDocument } from './config/document.ts';
import type { Environment, ReferenceResolver } from './config/interpolate.ts';
import { issueMessage, issueProblems } from './config/issues.ts';
import { problemsError } from './config/problem.ts';
import { type Config, configSchema, type ParsedConfig } from './config/schema.ts';
import { MongolakeError } from './domain/errors.ts';

/** Read where `-c` is not given. */
export const DEFAULT_CONFIG_FILE = 'mongolake.yaml';

/**
 * Reads a configuration file. `path` is what messages show. Errors: `CONFIG_INVALID` (no such file, not YAML, wrong keys or
 * values: all of them, with line, column and key), `CONFIG_VARIABLE` (a `${VAR}` is not set).
 */
export function loadConfig(path: string, env: Environment, resolvers: readonly ReferenceResolver[] = []): Config {
  return parseConfig(readText(path), path, env, resolvers);
}

/**
 * The configuration in `text`, with defaults and variables put in and relative paths made absolute from the folder of
 * `fileName`. Errors as `loadConfig`; no message holds a value, only keys and names of variables.
 */
export function parseConfig(
  text: string,
  fileName: string,
  env: Environment,
  resolvers: readonly ReferenceResolver[] = [],
): Config {
  const document = readDocument(text, env, resolvers);
  if (document.value === undefined) throw problemsError(fileName, document.problems);
  const parsed = configSchema.safeParse(document.value, { error: issueMessage });
  if (!parsed.success) {
    throw problemsError(fileName, [...document.problems, ...issueProblems(parsed.error.issues, document)]);
  }
  const config = complete(parsed.data, resolve(fileName));
  const problems = [...document.problems, ...crossCheck(config, document)];
  if (problems.length > 0) throw problemsError(fileName, problems);
  return config;
}

/** Fills in what depends on the machine and on where the file is. */
function complete(parsed: ParsedConfig, file: string): Config {
  const { concurrency, scratch, ...worker } = parsed.worker;
  const folder = dirname(file);
  const connections = Object.entries(parsed.connections).map(([name, connection]) => {
    if (connection.kind !== 'dump') return [name, connection] as const;
    return [name, { ...connection, path: resolve(folder, connection.path) }] as const;
  });
  return {
    ...parsed,
    connections: Object.fromEntries(connections),
    worker: {
      ...worker,
      concurrency: concurrency === 'auto' ? availableParallelism() : concurrency,
      scratch: scratch === undefined ? tmpdir() : resolve(folder, scratch),
    },
    file,
  };
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
