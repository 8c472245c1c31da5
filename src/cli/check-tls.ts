import { type CheckResult, warning } from '../coordinator/check-verdicts.ts';
import { optionOf } from '../shared/adapters/mongodb-uri.ts';
import type { Config, MongodbConnection } from '../shared/config/schema.ts';

const NAME = 'tls';
const READABLE = 'whoever is on the way reads and changes what goes over it, passwords too';

/**
 * Warnings of connections that others can listen to: in the clear to a host other than this one, or encrypted to whoever answers.
 * `trustsAll` tells that Node was told to take any certificate.
 */
export function tlsWarnings(config: Config, trustsAll: boolean): readonly CheckResult[] {
  const { connections, queue, vault } = config;
  const results = Object.entries(connections).flatMap(([name, connection]) => {
    const key = `connections.${name}`;
    if (connection.kind === 'mongodb') return mongodbWarnings(key, connection);
    return connection.kind === 's3' ? plaintext(key, connection.endpoint, 'Give an endpoint of https://.') : [];
  });
  if (queue.kind === 'redis')
    results.push(...plaintext('queue', queue.url, 'Give a url of rediss://, and queue.tls for your own authority.'));
  results.push(...plaintext('vault', vault?.address, 'Give an address of https://.'));
  if (trustsAll) {
    const message = 'NODE_TLS_REJECT_UNAUTHORIZED=0: any certificate is taken for the right one';
    results.push(warning(NAME, message, 'Unset it, and name your authority as caFile.'));
  }
  return results;
}

function mongodbWarnings(key: string, { uri, tls }: MongodbConnection): readonly CheckResult[] {
  const isOn = (name: string) => optionOf(uri, name)?.toLowerCase() === 'true';
  const srv = uri.startsWith('mongodb+srv:');
  const off = [optionOf(uri, 'tls'), optionOf(uri, 'ssl')].includes('false');
  const encrypted = tls !== undefined || isOn('tls') || isOn('ssl') || (srv && !off);
  const away = hostsOf(uri).filter((host) => srv || !isLoopback(host));
  if (away.length === 0) return [];
  if (!encrypted) return [inTheClear(key, away[0] ?? '', `Add ${key}.tls: {}, or tls=true to the uri.`)];
  const loose = ['tlsInsecure', 'tlsAllowInvalidCertificates', 'tlsAllowInvalidHostnames'].find(isOn);
  if (loose === undefined) return [];
  const message = `${key}: ${loose} takes any server for ${away[0]}`;
  return [warning(NAME, message, `Remove it, and name your authority as ${key}.tls.caFile.`)];
}

/** Hosts of a connection string, without ports; sockets of this machine are left out. */
function hostsOf(uri: string): readonly string[] {
  const authority = /^[^/]*:\/\/([^/?#]*)/.exec(uri)?.[1] ?? '';
  return authority
    .slice(authority.lastIndexOf('@') + 1)
    .split(',')
    .filter((host) => !/%2f/i.test(host))
    .map((host) => host.replace(/:\d*$/, ''));
}

function plaintext(key: string, url: string | undefined, hint: string): readonly CheckResult[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { protocol, hostname } = new URL(url);
  return /^(?:http|redis):$/.test(protocol) && !isLoopback(hostname) ? [inTheClear(key, hostname, hint)] : [];
}

function inTheClear(key: string, host: string, hint: string): CheckResult {
  return warning(NAME, `${key}: the connection to ${host} is not encrypted: ${READABLE}`, hint);
}

/** Whether a host is this machine: what goes there is on no line. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[?::1\]?)$/i.test(host);
}
