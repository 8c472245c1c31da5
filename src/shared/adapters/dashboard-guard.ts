import { MongolakeError } from '../domain/errors.ts';

/** What is looked at of a request. Headers are as they came. */
export interface GuardedRequest {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site` (Fetch Metadata, W3C): set by browsers on secure pages and on loopback, never by a script. */
  readonly fetchSite: string | undefined;
}

/** Whom the dashboard lets in, and to do what. */
export interface GuardRules {
  /** Whether people log in. Where nobody does, the network is all that keeps others out. */
  readonly login: boolean;
  readonly readOnly: boolean;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 403 | 405;
  readonly message: string;
}

const ALWAYS: Readonly<Record<string, string>> = {
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Sent with every answer: a page takes nothing from other hosts and runs nothing but the server's own files, and no other page shows or reads it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  ...ALWAYS,
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** The same for Bull Board, whose page sets styles of elements by script; its configuration in the page is data, which is not run. */
export const BOARD_HEADERS: Readonly<Record<string, string>> = {
  ...ALWAYS,
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
};

/** Whether a host name or address (IPv6 with or without brackets) is this machine to itself: localhost, 127.0.0.0/8, ::1. */
export function isLoopback(host: string): boolean {
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const url = `http://${bracketed}`;
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Throws `CONFIG_INVALID` where others could reach the dashboard and nobody is asked who they are. */
export function refuseOpenDoor(listen: { readonly host: string; readonly port: number }, login: boolean): void {
  if (login || isLoopback(listen.host)) return;
  throw new MongolakeError(
    'CONFIG_INVALID',
    `dashboard.listen (or --listen) is ${listen.host}:${listen.port}, which other machines can reach, and there is no dashboard.password`,
    {
      hint: 'Set dashboard.password to a variable of the environment, or dashboard.proxyHeader and dashboard.trustedProxies, or listen on 127.0.0.1.',
    },
  );
}

/** Why a request is refused, whoever sends it; undefined where it may pass. */
export function refusalOf(request: GuardedRequest, rules: GuardRules): Refusal | undefined {
  const { method, host, origin, fetchSite } = request;
  // A page elsewhere can have its own name point at this machine (DNS rebinding); then the browser still sends that name.
  if (!rules.login && !isLoopback(hostnameOf(host))) {
    return { status: 403, message: 'without a password the dashboard answers to localhost only' };
  }
  if (method === 'GET' || method === 'HEAD') return undefined;
  if (rules.readOnly) {
    return { status: 405, message: 'the dashboard is read-only; dashboard.readOnly: false lets people change jobs' };
  }
  // The browser sends a login along, also for another site's page. On plain HTTP it tells only the origin.
  const sameOrigin =
    fetchSite === undefined ? origin === undefined || hostOf(origin) === host : fetchSite === 'same-origin';
  return sameOrigin ? undefined : { status: 403, message: "another site's page can't change jobs" };
}

/** The name in a Host header, without the port. */
function hostnameOf(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
