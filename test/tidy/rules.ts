import ts from 'typescript';
import { linesOf, rootName, type SourceFile, violation, walk } from './source-file.ts';

/** What makes a test or a group of them. */
const TEST = /^(?:test|it|suite|describe.*)$/;

/** Files longer than `max` lines. */
export function longFiles(files: readonly SourceFile[], max: number): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
    return lines > max ? [violation(file, max + 1, `the file has ${lines} lines, ${max} are allowed`)] : [];
  });
}

/** Functions longer than `max` lines. A test counts by itself, not for the group that it is in; what is given to `describe` is a heading. */
export function longFunctions(files: readonly SourceFile[], max: number): string[] {
  return everyNode(files, (node, file) => {
    if (!ts.isFunctionLike(node) || isDescribed(node)) return undefined;
    const lines = linesOf(file.tree, node) - linesOfTests(file.tree, node);
    return lines > max ? `${nameOf(node)} has ${lines} lines, ${max} are allowed` : undefined;
  });
}

function isDescribed({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && (rootName(parent.expression)?.startsWith('describe') ?? false);
}

/** Lines of the tests and groups within `node`. */
function linesOfTests(tree: ts.SourceFile, node: ts.Node): number {
  let lines = 0;
  node.forEachChild((child) => {
    const isTest = ts.isFunctionLike(child) && ts.isCallExpression(node) && TEST.test(rootName(node) ?? '');
    lines += isTest ? linesOf(tree, child) : linesOfTests(tree, child);
  });
  return lines;
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : 'a function';
}

const CLOCK_MODULES = ['node:timers', 'node:timers/promises', 'node:perf_hooks'];
const CLOCK_GLOBALS = ['setTimeout', 'setInterval', 'performance', 'crypto'];
const CLOCK_PROPERTIES = ['Date.now', 'Math.random', 'process.hrtime', 'process.uptime', 'AbortSignal.timeout'];
const RANDOM = /^(?:random|getRandomValues$|webcrypto$)/;

/** Where src/ reads the clock, waits by it, or draws at random, by anything but a `Clock`. `allowed` are the paths that may. */
export function clocksAndChance(files: readonly SourceFile[], allowed: readonly string[]): string[] {
  const held = files.filter(({ path }) => path.startsWith('src/') && !allowed.includes(path));
  return everyNode(held, (node) => {
    const what = importedClock(node) ?? usedClock(node);
    return what && `${what}: take a Clock (src/shared/ports/clock.ts) instead`;
  });
}

function importedClock(node: ts.Node): string | undefined {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return undefined;
  const specifier = node.moduleSpecifier.text;
  if (CLOCK_MODULES.includes(specifier)) return specifier;
  const bindings = node.importClause?.namedBindings;
  if (!/^(?:node:)?crypto$/.test(specifier) || bindings === undefined) return undefined;
  if (ts.isNamespaceImport(bindings)) return `all of ${specifier}`;
  return bindings.elements.map((one) => (one.propertyName ?? one.name).text).find((name) => RANDOM.test(name));
}

function usedClock(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    return CLOCK_PROPERTIES.find((name) => node.getText() === name || node.getText() === `globalThis.${name}`);
  }
  if (ts.isNewExpression(node)) {
    return node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0 ? 'new Date()' : undefined;
  }
  if (ts.isCallExpression(node)) return node.expression.getText() === 'Date' ? 'Date()' : undefined;
  return ts.isIdentifier(node) && CLOCK_GLOBALS.includes(node.text) && isReference(node) ? node.text : undefined;
}

/** Whether an identifier stands for a variable, rather than names a property, a parameter or an import. */
function isReference({ parent, text }: ts.Identifier): boolean {
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.expression.getText() === text || parent.expression.getText() === 'globalThis';
  }
  return ts.isCallExpression(parent) || ts.isNewExpression(parent) || ts.isExpressionStatement(parent);
}

/** Default exports, and exports that only pass on another file's (barrels). */
export function otherExports(files: readonly SourceFile[]): string[] {
  return everyNode(files, (node) => {
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
      return 'passes on what another file exports';
    if (ts.isExportAssignment(node)) return 'a default export';
    if (ts.isExportSpecifier(node)) return node.name.text === 'default' ? 'a default export' : undefined;
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
    return modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ? 'a default export' : undefined;
  });
}

/** Files named for what they are not: `utils` and its like. */
export function emptyNames(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /(?:^|[/-])(?:utils?|misc|common)(?:[./-]|$)/.test(path))
    .map((file) => violation(file, 1, 'a name that says nothing; name it for what is in it'));
}

/** Notes that something is not finished. */
export function unfinished(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, index) => {
      const word = /\b(?:TO(?:DO)|FIX(?:ME))\b/.exec(line);
      return word === null ? [] : [violation(file, index + 1, `${word[0]}: do it, or write an issue`)];
    }),
  );
}

/** Tests that are left out, or that leave out the others. `allowed` are the paths that may. */
export function leftOutTests(files: readonly SourceFile[], allowed: readonly string[]): string[] {
  const held = files.filter(({ path }) => path.startsWith('test/') && !allowed.includes(path));
  return everyNode(held, (node) => {
    if (!ts.isPropertyAccessExpression(node) || !/^(?:only|skip|todo)$/.test(node.name.text)) return undefined;
    const root = rootName(node.expression) ?? '';
    return TEST.test(root) ? `${root}.${node.name.text}` : undefined;
  });
}

/** Uses of `console`: results go to stdout by cli/output.ts, logs to the logger. `allowed` matches the paths that may. */
export function consoles(files: readonly SourceFile[], allowed: RegExp): string[] {
  const held = files.filter(({ path }) => !allowed.test(path));
  return everyNode(held, (node) => {
    const used = ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console';
    return used ? node.getText() : undefined;
  });
}

function everyNode(
  files: readonly SourceFile[],
  judge: (node: ts.Node, file: SourceFile) => string | undefined,
): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    walk(file.tree, (node) => {
      const message = judge(node, file);
      if (message !== undefined) found.push(violation(file, node, message));
    });
    return found;
  });
}
