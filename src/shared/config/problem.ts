// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { MongolakeError } from '../domain/errors.ts';

/** Where a key is in the configuration: map keys and list indexes from the root. */
export type KeyPath = readonly (string | number)[];

/** A place in a text; both start at 1, columns count UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with the configuration. The message holds no value, which might be a secret. */
export interface Problem {
  readonly code: 'CONFIG_INVALID' | 'CONFIG_VARIABLE';
  readonly place: Place;
  /** Empty for what is wrong with the YAML itself. */
  readonly path: KeyPath;
  readonly message: string;
}

const LISTED_AT_MOST = 50;

/** `pipelines.guest.source.collections[2]`; keys that are not plain names are quoted in brackets. */
export function formatPath(path: KeyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** `mongolake.yaml:12:5 pipelines.guest: message`; `config pipelines.guest: message` where there is no file. */
export function formatProblem(fileName: string | undefined, problem: Problem): string {
  const place = fileName === undefined ? 'config' : `${fileName}:${problem.place.line}:${problem.place.column}`;
  return problem.path.length === 0
    ? `${place} ${problem.message}`
    : `${place} ${formatPath(problem.path)}: ${problem.message}`;
}

/** One error that lists every problem, a line each, in file order. Its code is `CONFIG_VARIABLE` where only variables are missing. */
export function problemsError(fileName: string | undefined, problems: readonly Problem[]): MongolakeError {
  const sorted = [...problems].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const lines = sorted.slice(0, LISTED_AT_MOST).map((problem) => formatProblem(fileName, problem));
  if (sorted.length > LISTED_AT_MOST) lines.push(`… and ${sorted.length - LISTED_AT_MOST} more`);
  const message = lines.join('\n');
  if (!sorted.every((problem) => problem.code === 'CONFIG_VARIABLE'))
    return new MongolakeError('CONFIG_INVALID', message);
  const hint = 'set the variable in the environment, or give it a default: ${NAME:-default}';
  return new MongolakeError('CONFIG_VARIABLE', message, { hint });
}
