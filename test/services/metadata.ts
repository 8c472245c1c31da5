import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, runCommand } from './command.ts';
import type { InstanceIdentity } from './moto.ts';

/** A key of ours in AWS' place: signs identity documents, and Vault is told to believe its certificate. */
export interface IdentitySigner {
  /** PEM. */
  readonly certificate: string;
  /** The PKCS7 of a document as the metadata service gives it: base64 in lines, without PEM's first and last line. */
  sign(document: string): Promise<string>;
  close(): void;
}

/** The instance metadata service of one instance, version 2 only (AWS, "Use the Instance Metadata Service"). */
export interface MetadataServer {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** How many requests came without a session token or with a wrong one, and were refused. */
  readonly refused: number;
  /** How many identities it has given away. */
  readonly given: number;
  stop(): Promise<void>;
}

const OPENSSL_MS = 30_000;
const MAX_TOKEN_SECONDS = 21_600;

/** Makes a key and a certificate with `openssl`; throws where it is not on the PATH. */
export async function identitySigner(): Promise<IdentitySigner> {
  const openssl = findOnPath('openssl');
  if (!openssl) throw new Error('openssl (to sign identity documents) is not on the PATH');
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-identity-'));
  const run = (...args: string[]) => runCommand(openssl, args, { cwd: folder, deadlineMs: OPENSSL_MS });
  await run(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'certificate.pem'],
    ...['-days', '2', '-subj', '/CN=mongolake test identities'],
  );
  return {
    certificate: readFileSync(join(folder, 'certificate.pem'), 'utf8'),
    async sign(document) {
      const file = `${randomBytes(4).toString('hex')}.json`;
      writeFileSync(join(folder, file), document);
      // As AWS does it: the document is inside, the certificate is not.
      const pem = await run(
        ...['smime', '-sign', '-binary', '-nodetach', '-nocerts', '-outform', 'PEM', '-in', file],
        ...['-signer', 'certificate.pem', '-inkey', 'key.pem'],
      );
      return pem.replace(/-----(?:BEGIN|END) PKCS7-----\n?/g, '').trim();
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Serves the identity of an instance. It runs in this process. */
export async function startMetadata(identity: InstanceIdentity, signer: IdentitySigner): Promise<MetadataServer> {
  const document = JSON.stringify({ architecture: 'x86_64', version: '2017-09-30', ...identity }, undefined, 2);
  const folder = '/latest/dynamic/instance-identity';
  const pages = new Map([
    [`${folder}/document`, document],
    [`${folder}/pkcs7`, await signer.sign(document)],
    ['/latest/meta-data/instance-id', identity.instanceId],
  ]);
  const tokens = new Set<string>();
  const counts = { refused: 0, given: 0 };
  const server = createServer((request, response) => {
    const [status, body] = answer(request);
    if (status === 401) counts.refused += 1;
    if (status === 200 && request.url === `${folder}/pkcs7`) counts.given += 1;
    end(response, status, body);
  });
  const answer = (request: IncomingMessage): readonly [number, string] => {
    if (request.url === '/latest/api/token') {
      if (request.method !== 'PUT') return [405, 'Method Not Allowed'];
      const seconds = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (!(seconds >= 1 && seconds <= MAX_TOKEN_SECONDS)) return [400, 'Bad Request'];
      // A proxy that passes on what anybody asks is the attack that version 2 is against.
      if (request.headers['x-forwarded-for'] !== undefined) return [403, 'Forbidden'];
      const token = randomBytes(32).toString('base64');
      tokens.add(token);
      return [200, token];
    }
    if (!tokens.has(String(request.headers['x-aws-ec2-metadata-token']))) return [401, 'Unauthorized'];
    const page = pages.get(request.url ?? '');
    return page === undefined ? [404, 'Not Found'] : [200, page];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    get refused() {
      return counts.refused;
    },
    get given() {
      return counts.given;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function end(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(body);
}
