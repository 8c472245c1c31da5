import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { runCommand } from './command.ts';

/** An authority of our own, and PEM files that it vouches for. */
export interface Certificates {
  readonly ca: string;
  /** Of 127.0.0.1 and localhost. */
  readonly serverCert: string;
  readonly serverKey: string;
  /** Of `CN=mongolake`. */
  readonly clientCert: string;
  /** Encrypted with `keyPassword`. */
  readonly clientKey: string;
  /** Certificate and key in one. */
  readonly clientPem: string;
  readonly keyPassword: string;
  /** Of an authority that nobody trusts. */
  readonly otherCa: string;
  /** Removes the files. */
  remove(): void;
}

const DEADLINE_MS = 30_000;

/** Makes them with openssl, valid for two days. */
export async function makeCertificates(keyPassword: string): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-certificates-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => runCommand('openssl', args, { cwd: folder, deadlineMs: DEADLINE_MS });
  const newKey = ['-newkey', 'rsa:2048', '-keyout'];
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      `${name}.key`,
      '-nodes',
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    );
  const signed = async (name: string, subject: string, key: readonly string[], extensions: string) => {
    writeFileSync(file(`${name}.ext`), extensions);
    await openssl('req', ...newKey, `${name}.key`, ...key, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    const authorityArgs = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...authorityArgs, '-days', '2', '-out', `${name}.pem`);
  };
  await authority('ca');
  await authority('other');
  await signed('server', '127.0.0.1', ['-nodes'], 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  await signed('client', 'mongolake', ['-passout', `pass:${keyPassword}`], 'extendedKeyUsage=clientAuth\n');
  writeFileSync(file('both.pem'), `${readFileSync(file('client.pem'))}${readFileSync(file('client.key'))}`);
  return {
    ca: file('ca.pem'),
    serverCert: file('server.pem'),
    serverKey: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key'),
    clientPem: file('both.pem'),
    keyPassword,
    otherCa: file('other.pem'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A port of this machine that takes TLS from clients of the authority, and passes what they say on in the clear. */
export interface TlsDoor {
  readonly port: number;
  /** Common names of the clients that came in. */
  readonly clients: readonly string[];
  close(): Promise<void>;
}

/** Opens one before the server on `target`. */
export async function openTlsDoor(target: number, { ca, serverCert, serverKey }: Certificates): Promise<TlsDoor> {
  const [authority, cert, key] = [ca, serverCert, serverKey].map((path) => readFileSync(path));
  const clients: string[] = [];
  const open = new Set<{ destroy(): void }>();
  const server = createServer({ ca: authority, cert, key, requestCert: true, rejectUnauthorized: true }, (client) => {
    clients.push(String(client.getPeerCertificate().subject.CN));
    const behind = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    clients,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
