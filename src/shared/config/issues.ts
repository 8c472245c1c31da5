import type { z } from 'zod';
import type { ConfigDocument } from './document.ts';
import type { KeyPath, Problem } from './problem.ts';
import { didYouMean, quoteAll } from './suggest.ts';

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** Words for what zod itself finds; our own fields bring theirs. One line per unknown key. Never quotes a value. */
export const issueMessage: z.core.$ZodErrorMap = (issue: RawIssue): string => {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(issue.inst);
      return issue.keys.map((key) => `unknown key${didYouMean(key, known)}`).join('\n');
    }
    case 'invalid_type':
      if (issue.expected === 'array') return 'expected a list';
      if (issue.expected === 'object' || issue.expected === 'record') return 'expected a map of keys';
      return `expected ${issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'invalid_union':
      return 'options' in issue ? `expected one of ${quoteAll(issue.options as string[])}` : 'not understood';
    case 'too_small':
      return 'must not be empty';
    default:
      return 'expected a name of letters, digits, - and _, which starts with a letter or digit';
  }
};

/** Problems of the document for zod's issues. What an unset variable stands for is left out: it has its own problem. */
export function issueProblems(issues: readonly z.core.$ZodIssue[], document: ConfigDocument): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code !== 'unrecognized_keys') return valueProblem(document, path, issue.message);
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => keyProblem(document, [...path, key], messages[index] ?? 'unknown key'));
  });
}

/** A problem with the key itself. */
export function keyProblem(document: ConfigDocument, path: KeyPath, message: string): Problem {
  return { code: 'CONFIG_INVALID', place: document.keyPlace(path), path, message };
}

/** A problem with the value at `path`, or that there is none; nothing where the value is not known. */
export function valueProblem(document: ConfigDocument, path: KeyPath, message: string): Problem[] {
  if (document.isUnknown(path)) return [];
  const value = valueAt(document.value, path);
  const references = document.references(path);
  const from = references.length === 0 ? '' : ` (the value comes from ${references.join(', ')})`;
  const prefix = value === undefined ? 'missing: ' : value === null ? 'has no value: ' : '';
  const place = document.valuePlace(path);
  return [{ code: 'CONFIG_INVALID', place, path, message: `${prefix}${message}${from}` }];
}

function knownKeys(schema: unknown): readonly string[] {
  const shape = (schema as { def?: { shape?: Record<string, unknown> } } | undefined)?.def?.shape;
  return Object.keys(shape ?? {});
}

function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
