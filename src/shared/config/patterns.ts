/**
 * Names of collections by pattern: `*` is any run of characters, `?` any one, `\` takes the next character as it is, and the
 * whole name must match. A pattern that starts with `!` takes names away. Pure.
 */

type Token = { readonly kind: 'any' } | { readonly kind: 'one' } | { readonly kind: 'char'; readonly char: string };

/** Whether a list of patterns lets `name` in: some pattern matches and no `!` one does. A list of only `!` patterns starts from all. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  const taken = patterns.filter((pattern) => !pattern.startsWith('!'));
  const matched =
    taken.length === 0 ? matchesPattern('*', name) : taken.some((pattern) => matchesPattern(pattern, name));
  return matched && !patterns.some((pattern) => pattern.startsWith('!') && matchesGlob(tokens(pattern.slice(1)), name));
}

/** Whether one pattern without `!` matches the whole name. `system.` collections are only met by a pattern that starts so. */
function matchesPattern(pattern: string, name: string): boolean {
  if (name.startsWith('system.') && !pattern.startsWith('system.')) return false;
  return matchesGlob(tokens(pattern), name);
}

/** The names that the patterns spell out, or `undefined` where at least one has a wildcard (or there are only `!` patterns). */
export function literalNames(patterns: readonly string[]): readonly string[] | undefined {
  const names = spelledNames(patterns);
  const taken = patterns.filter((pattern) => !pattern.startsWith('!'));
  return taken.length === 0 || taken.some((pattern) => literalName(pattern) === undefined) ? undefined : names;
}

/** The names among the patterns that have no wildcard and are not taken away again, each once, in their order. */
export function spelledNames(patterns: readonly string[]): readonly string[] {
  const names = patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .map(literalName)
    .filter((name) => name !== undefined && matchesPatterns(patterns, name));
  return [...new Set(names as string[])];
}

function literalName(pattern: string): string | undefined {
  let name = '';
  for (const token of tokens(pattern)) {
    if (token.kind !== 'char') return undefined;
    name += token.char;
  }
  return name;
}

/** The pattern that matches `name` and nothing else. */
export function literalPattern(name: string): string {
  return name.replace(/[*?\\]/g, '\\$&').replace(/^!/, '\\!');
}

function tokens(pattern: string): readonly Token[] {
  const result: Token[] = [];
  const chars = [...pattern];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*') result.push({ kind: 'any' });
    else if (char === '?') result.push({ kind: 'one' });
    else if (char === '\\' && at + 1 < chars.length) result.push({ kind: 'char', char: chars[++at] ?? '' });
    else result.push({ kind: 'char', char });
  }
  return result;
}

/** Greedy with one step back, to the last `*`: no pattern takes more than length times length. */
function matchesGlob(pattern: readonly Token[], name: string): boolean {
  const chars = [...name];
  let token = 0;
  let char = 0;
  let star = -1;
  let resume = 0;
  while (char < chars.length) {
    const current = pattern[token];
    if (current?.kind === 'any') {
      star = token++;
      resume = char;
    } else if (current?.kind === 'one' || (current?.kind === 'char' && current.char === chars[char])) {
      token++;
      char++;
    } else if (star >= 0) {
      token = star + 1;
      char = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[token]?.kind === 'any') token++;
  return token === pattern.length;
}
