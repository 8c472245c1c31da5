import { MongolakeError } from '../domain/errors.ts';

/** What the libraries between us and Vault call themselves to `debug`; each prints payloads or headers, and so tokens. */
const TELLTALES = ['node-vault', 'follow-redirects', 'https-proxy-agent', 'https-proxy-agent:agent'];

/** Throws `CONFIG_INVALID` where the environment's `DEBUG` would make a library print what goes to Vault and comes from it. */
export function refuseDebugOutput(debug: string | undefined): void {
  const loud = TELLTALES.find((name) => isDebugging(debug ?? '', name));
  if (loud === undefined) return;
  throw new MongolakeError('CONFIG_INVALID', `DEBUG in the environment turns on ${loud}, which would print secrets`, {
    hint: 'Unset DEBUG, or leave them out: DEBUG="…,-node-vault,-follow-redirects,-https-proxy-agent*".',
  });
}

/** Whether the package `debug` prints `name`: names with `*` between spaces or commas, `-` in front leaves out. */
export function isDebugging(debug: string, name: string): boolean {
  const patterns = debug.split(/[\s,]+/).filter((pattern) => pattern !== '');
  const skips = patterns.filter((pattern) => pattern.startsWith('-')).map((pattern) => pattern.slice(1));
  const names = patterns.filter((pattern) => !pattern.startsWith('-'));
  return names.some((pattern) => matches(name, pattern)) && !skips.some((pattern) => matches(name, pattern));
}

function matches(name: string, pattern: string): boolean {
  const literals = pattern.split('*').map((literal) => literal.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`).test(name);
}
