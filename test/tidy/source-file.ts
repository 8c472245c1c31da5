import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/** One `import`, `export … from`, `import()` or `import('…')` in a type. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path of the file for a relative specifier, from the root; `undefined` for a package. */
  readonly target: string | undefined;
  /** Erased by the compiler: nothing is loaded when the program runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A source file, parsed. Paths start at the repository's root and have `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** Parses one file. */
export function parse(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, text, tree, imports: importsOf(path, tree) };
}

/** Every `.ts` and `.mjs` file below `folders` of `root`, and the `.ts` files in `root` itself. */
export function readTree(root: string, folders: readonly string[]): readonly SourceFile[] {
  const names = readdirSync(root).filter((name) => name.endsWith('.ts'));
  for (const folder of folders.filter((name) => existsSync(`${root}/${name}`))) {
    for (const name of readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })) {
      if (/\.(?:ts|mjs)$/.test(name)) names.push(`${folder}/${name.replaceAll('\\', '/')}`);
    }
  }
  return names
    .filter((name) => !name.includes('node_modules/'))
    .sort()
    .map((path) => parse(path, readFileSync(`${root}/${path}`, 'utf8')));
}

/** `path:line: message`, as editors and terminals link it. */
export function violation(file: SourceFile, node: ts.Node | number, message: string): string {
  return `${file.path}:${typeof node === 'number' ? node : lineOf(file.tree, node.getStart())}: ${message}`;
}

/** Calls `visit` for every node, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** Lines from a node's first to its last, both counted. */
export function linesOf(tree: ts.SourceFile, node: ts.Node): number {
  return lineOf(tree, node.end) - lineOf(tree, node.getStart()) + 1;
}

/** The identifier at the left end of `a.b.c`, `a.b()` or `a.b([])('c')`. */
export function rootName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return rootName(node.expression);
  return undefined;
}

function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}

function importsOf(path: string, tree: ts.SourceFile): readonly Import[] {
  const imports: Import[] = [];
  walk(tree, (node) => {
    const found = importOf(node);
    if (found === undefined) return;
    const { specifier, typeOnly } = found;
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    imports.push({ specifier, target, typeOnly, line: lineOf(tree, node.getStart()) });
  });
  return imports;
}

function importOf(node: ts.Node): Pick<Import, 'specifier' | 'typeOnly'> | undefined {
  if (ts.isImportDeclaration(node)) {
    return textOf(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  }
  if (ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal, true);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return textOf(node.arguments[0], false);
  }
  return undefined;
}

function textOf(specifier: ts.Node | undefined, typeOnly: boolean): Pick<Import, 'specifier' | 'typeOnly'> | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { specifier: specifier.text, typeOnly }
    : undefined;
}
