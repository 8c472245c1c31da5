/** `, `-separated names in quotes, for messages. */
export function quoteAll(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** The candidate that `name` is most likely a slip of, or `undefined` where none is near. Case is ignored. */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean "x"?)`, or the list of what exists: ` (known: "x", "y")`. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = closest(name, candidates);
  if (near !== undefined) return ` (did you mean ${JSON.stringify(near)}?)`;
  return candidates.length === 0 ? '' : ` (known: ${quoteAll(candidates)})`;
}

/** Levenshtein distance; names beyond 100 characters are only compared for equality. */
function editDistance(a: string, b: string): number {
  if (a === b) return 0;
  if (a.length > 100 || b.length > 100) return Math.max(a.length, b.length);
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
