import { secretsOfUri } from '../domain/redact.ts';

/** Keys whose values are secrets; that of a file or a path only says where one is. The chart (`_config.tpl`) refuses the same keys. */
export const SECRET_KEY = /^(?:.*(?:password|token|nonce)|secret.*|hashKey)$/i;
export const PLACE_KEY = /(?:file|path)$/i;
/** Sections that hold secrets. In the others a key may be the name of a field. */
export const SECTIONS = ['connections', 'queue', 'vault', 'dashboard', 'hashKey'];

/** Every secret of a configuration, whole or not yet examined: what `keepSecrets` is to be told. */
export function configSecrets(config: unknown): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      if (SECRET_KEY.test(key) && !PLACE_KEY.test(key)) found.push(value, value.trim());
      if (/^(?:uri|url|address|endpoint)$/.test(key)) found.push(...secretsOfUri(value).secrets);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) look(inner, name);
    }
  };
  found.push(...notifySecrets((config as Record<string, unknown> | undefined)?.notify));
  for (const section of SECTIONS) look((config as Record<string, unknown> | undefined)?.[section], section);
  return found;
}

/** Shorter words of a webhook's path are names that stand in other texts, too. */
const WORD_LEAST = 12;

/** A webhook's path and query often are its password: they are secrets, and their long parts. So is each header's value, and its last word. */
function notifySecrets(notify: unknown): readonly string[] {
  const found: string[] = [];
  for (const receiver of Array.isArray(notify) ? notify : []) {
    const { url, headers } = (receiver ?? {}) as { readonly url?: unknown; readonly headers?: unknown };
    if (typeof url === 'string') {
      const place = url.replace(/^[^/]*:\/\/[^/?]*/, '');
      found.push(...secretsOfUri(url).secrets, ...[place, ...place.split(/[/?&=]/)].filter(isLong));
    }
    for (const value of Object.values(headers ?? {})) {
      if (typeof value !== 'string') continue;
      const words = value.trim().split(/\s+/);
      found.push(value, ...(words.length > 1 ? words.slice(1) : []));
    }
  }
  return found;
}

function isLong({ length }: string): boolean {
  return length >= WORD_LEAST;
}
