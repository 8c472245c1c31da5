import { canonicalJson } from '../../shared/domain/ejson.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import type { DecodeContext } from './routing.ts';

/** The JSON column: one object per document, dotted path → value in canonical EJSON. */
export interface ExtraColumn {
  readonly context: DecodeContext;
  /** What was put for the document, which ends here; null where there was nothing. `column` is the JSON column's name. */
  take(column: string | null): Buffer | null;
}

export function extraColumn(): ExtraColumn {
  let parts: string[] = [];
  const path: string[] = [];
  return {
    context: {
      path,
      putExtra(name, bytes, type, at, end) {
        const key = [...path, name].map(escaped).join('.');
        parts.push(`${JSON.stringify(key)}:${canonicalJson(bytes, type, at, end)}`);
      },
    },
    take(column) {
      if (parts.length === 0) return null;
      if (column === null) throw new MongolakeError('INTERNAL', `no JSON column for ${parts[0]}`);
      const text = `{${parts.join(',')}}`;
      parts = [];
      return Buffer.from(text, 'utf8');
    },
  };
}

/** A name as part of a dotted path: `a.b` is written `a\\.b`, so that two places never share a path. */
function escaped(part: string): string {
  return part.replace(/[\\.]/g, '\\$&');
}
