import { BlockList, isIP } from 'node:net';

/** A proxy that people log in to, and that tells who they are. */
export interface ProxyLogin {
  /** The header that has the user's name, such as `X-Forwarded-Email`. */
  readonly header: string;
  /** Addresses, or ranges such as `10.0.0.0/8`, of the proxies that are believed. */
  readonly trusted: readonly string[];
}

/** What is looked at of a request. */
export interface ProxiedRequest {
  /** The other end of the connection: never from a header. */
  readonly address: string | undefined;
  /** Names and values in turn, as they came (`IncomingMessage.rawHeaders`). */
  readonly rawHeaders: readonly string[];
}

const NAME_AT_MOST = 320;

/**
 * Who looks, as a trusted proxy tells; `undefined` where the request is from anywhere else, or names nobody or more than one: a proxy that
 * adds its header to that of a visitor would let them be anybody.
 */
export function proxiedViewer({ header, trusted }: ProxyLogin): (request: ProxiedRequest) => string | undefined {
  const wanted = header.toLowerCase();
  const proxies = listOf(trusted);
  return ({ address, rawHeaders }) => {
    if (address === undefined || !isIn(proxies, address)) return undefined;
    const values = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted);
    const [name, ...others] = values.map((value) => value.trim());
    const isOne = others.length === 0 && name !== undefined && name !== '' && !name.includes(',');
    return isOne && name.length <= NAME_AT_MOST ? name : undefined;
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const { address, bits } = parts(range);
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function parts(range: string): { readonly address: string; readonly bits: string | undefined } {
  const [address = '', bits] = range.split('/');
  return { address, bits };
}
