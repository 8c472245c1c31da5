import { MongolakeError } from '../domain/errors.ts';

/** The part of the environment by which libraries, and Node itself, are told to print what they do. */
export interface DebugEnvironment {
  readonly DEBUG?: string | undefined;
  readonly NODE_DEBUG?: string | undefined;
}

/** What would print secrets: names for `debug` (`DEBUG`) and sections of Node (`NODE_DEBUG`). */
interface Telltales {
  readonly libraries: readonly string[];
  readonly sections: readonly string[];
}

const TELLTALES = {
  // Payloads, and headers with the token.
  vault: {
    libraries: ['node-vault', 'follow-redirects', 'https-proxy-agent', 'https-proxy-agent:agent'],
    sections: ['http', 'https'],
  },
  // Every command with its arguments, AUTH too.
  redis: { libraries: ['ioredis:redis'], sections: [] },
} as const satisfies Record<string, Telltales>;

/**
 * Throws `CONFIG_INVALID` where the environment would make a library print what goes to a server and comes from it: tokens,
 * passwords, values.
 */
export function refuseDebugOutput(env: DebugEnvironment, server: keyof typeof TELLTALES): void {
  const { libraries, sections }: Telltales = TELLTALES[server];
  const library = libraries.find((name) => isDebugging(env.DEBUG ?? '', name));
  if (library !== undefined) throw loud('DEBUG', library, libraries);
  const section = sections.find((name) => isSectionDebugging(env.NODE_DEBUG ?? '', name));
  if (section !== undefined) throw loud('NODE_DEBUG', section, []);
}

function loud(variable: string, name: string, libraries: readonly string[]): MongolakeError {
  const without = libraries.map((library) => `,-${library}`).join('');
  return new MongolakeError(
    'CONFIG_INVALID',
    `${variable} in the environment turns on ${name}, which would print secrets`,
    { hint: `Unset ${variable}${without === '' ? '' : `, or leave them out: ${variable}="…${without}"`}.` },
  );
}

/** Whether the package `debug` prints `name`: names with `*` between spaces or commas, `-` in front leaves out. */
export function isDebugging(debug: string, name: string): boolean {
  const patterns = debug.split(/[\s,]+/).filter((pattern) => pattern !== '');
  const skips = patterns.filter((pattern) => pattern.startsWith('-')).map((pattern) => pattern.slice(1));
  const names = patterns.filter((pattern) => !pattern.startsWith('-'));
  return names.some((pattern) => matches(name, pattern)) && !skips.some((pattern) => matches(name, pattern));
}

/** Whether Node prints a section: names with `*` between commas, in any case (https://nodejs.org/api/util.html#utildebuglogsection-callback). */
function isSectionDebugging(nodeDebug: string, section: string): boolean {
  return nodeDebug.split(',').some((pattern) => matches(section, pattern.trim().toLowerCase()));
}

function matches(name: string, pattern: string): boolean {
  const literals = pattern.split('*').map((literal) => literal.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`).test(name);
}
