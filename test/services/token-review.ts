import { createPublicKey, createSign, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whose token it is, and what for. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly audience: string;
}

/**
 * The one part of a Kubernetes API that Vault asks: it reviews tokens, and has a key to sign them with as the control plane has. It
 * stands in for a cluster and runs in this process.
 */
export interface TokenReviews {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** The token by which Vault may ask for reviews. */
  readonly reviewer: string;
  /** How many tokens were reviewed. */
  readonly reviews: number;
  /** A service account's token, as a projected volume has it. */
  token(account: ServiceAccount, lifetime_s: number): string;
  stop(): Promise<void>;
}

const REVIEWER_S = 3600;
const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

export async function startTokenReviews(): Promise<TokenReviews> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const account = { namespace: 'vault', name: 'vault', audience: 'kubernetes' };
  const reviewer = sign(claimsOf(account, REVIEWER_S), privateKey);
  let reviews = 0;
  const server = createServer(async (request, response) => {
    const allowed = request.headers.authorization === `Bearer ${reviewer}`;
    if (request.method !== 'POST' || request.url !== PATH || !allowed) return response.writeHead(403).end('{}');
    reviews += 1;
    const { spec } = JSON.parse(await textOf(request)) as { readonly spec: Spec };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status: review(spec, privateKey) };
    return response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reviewer,
    get reviews() {
      return reviews;
    },
    token: (account, lifetime_s) => sign(claimsOf(account, lifetime_s), privateKey),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Spec {
  readonly token: string;
  readonly audiences?: readonly string[];
}

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly sub: string;
  readonly 'kubernetes.io': { readonly serviceaccount: { readonly uid: string } };
}

/** As of Kubernetes' bound service account tokens. */
function claimsOf({ namespace, name, audience }: ServiceAccount, lifetime_s: number) {
  const now_s = Math.floor(Date.now() / 1000);
  return {
    aud: [audience],
    exp: now_s + lifetime_s,
    iat: now_s - 60,
    nbf: now_s - 60,
    iss: 'https://kubernetes.default.svc.cluster.local',
    'kubernetes.io': { namespace, serviceaccount: { name, uid: `uid-of-${namespace}-${name}` } },
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}

function sign(claims: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

function review({ token, audiences = [] }: Spec, key: KeyObject): object {
  const [header, payload, signature = ''] = token.split('.');
  const signed = Buffer.from(`${header}.${payload}`);
  const genuine = verify('RSA-SHA256', signed, createPublicKey(key), Buffer.from(signature, 'base64url'));
  if (!genuine) return { authenticated: false, error: 'the signature is not of this cluster' };
  const claims = JSON.parse(Buffer.from(`${payload}`, 'base64url').toString()) as Claims;
  if (claims.exp * 1000 < Date.now()) return { authenticated: false, error: 'the token has expired' };
  const common = claims.aud.filter((one) => audiences.length === 0 || audiences.includes(one));
  if (common.length === 0) return { authenticated: false, error: 'the token is for another audience' };
  const { uid } = claims['kubernetes.io'].serviceaccount;
  return { authenticated: true, audiences: common, user: { username: claims.sub, uid, groups: [] } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
