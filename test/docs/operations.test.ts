import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERROR_CODES } from '../../src/shared/domain/errors.ts';

const PAGE = readFileSync('docs/operations.md', 'utf8');

interface Rule {
  readonly alert: string;
  readonly annotations: { readonly runbook_url: string };
}

/** Rows of the tables of errors: code, exit code, and what to do. */
function rows(): readonly { readonly code: string; readonly exit: number; readonly todo: string }[] {
  return [...PAGE.matchAll(/^\| `([A-Z_]+)` +\| (\d+) +\| [^|]+\| ([^|]+) \|$/gm)].map(
    ([, code = '', exit = '', todo = '']) => ({ code, exit: Number(exit), todo: todo.trim() }),
  );
}

test('every error code has its exit code and something to do, once', () => {
  const listed = rows().map(({ code, exit }) => [code, exit]);
  const known = Object.entries(ERROR_CODES).map(([code, { exit }]) => [code, exit]);
  expect(listed.toSorted()).toEqual(known.toSorted());
  expect(rows().filter(({ todo }) => todo === '')).toEqual([]);
});

test('every alert has an entry, where its runbook_url leads', () => {
  const { groups } = parse(readFileSync('helm/files/alerts.yaml', 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const entries = [...PAGE.matchAll(/^### (Mongolake\w+)$/gm)].map(([, name]) => name);
  expect(entries.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  expect(rules.map(({ annotations }) => annotations.runbook_url)).toEqual(
    rules.map(({ alert }) => `docs/operations.md#${alert.toLowerCase()}`),
  );
});

test('what it refers to is there', () => {
  const links = [...PAGE.matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(20);
  const missing = links
    .map(([, file = '', anchor]) => ({ file: file === '' ? 'docs/operations.md' : `docs/${file}`, anchor }))
    .filter(({ file, anchor }) => !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor)));
  expect(missing).toEqual([]);
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
