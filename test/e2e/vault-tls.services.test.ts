// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to secrets, as a user writes them
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlain, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../services/command.ts';
import { describeWith } from '../services/context.ts';
import { type Workspace, workspace } from './cli.ts';

const TOKEN = 'canary-token-4714';

/** What no Vault of ours does by itself: TLS with a certificate of its own, and a redirect to plain HTTP. */
describeWith(['vault'], 'TLS to Vault', () => {
  let folder: string;
  let trusting: Workspace;
  let careless: Workspace;
  let naming: Workspace;
  let secure: Server;
  let plain: Server;
  /** Headers of what arrived in the clear. */
  const arrived: string[] = [];
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  const listening = (server: Server) =>
    new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-tls-'));
    await runCommand(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'certificate.pem'],
        ...['-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ],
      { cwd: folder, deadlineMs: 30_000 },
    );
    plain = createPlain((request, response) => {
      arrived.push(JSON.stringify(request.headers));
      response.setHeader('content-type', 'application/json').end('{"data":{"dump":"./dump"}}');
    });
    await listening(plain);
    const [key, cert] = [readFileSync(join(folder, 'key.pem')), readFileSync(join(folder, 'certificate.pem'))];
    secure = createSecure({ key, cert }, (request, response) => {
      if (request.url === '/v1/kv/direct') {
        response.setHeader('content-type', 'application/json').end('{"data":{"dump":"./dump"}}');
        return;
      }
      response.writeHead(307, { location: `http://127.0.0.1:${portOf(plain)}${request.url}` }).end();
    });
    await listening(secure);
    const config = {
      version: 1,
      vault: {
        address: `https://127.0.0.1:${portOf(secure)}`,
        auth: { method: 'token', token: TOKEN },
        retryFor: '0s',
      },
      connections: { guest: { kind: 'dump', path: '${vault:kv/mongolake#dump}' } },
      pipelines: {
        guest: { source: { connection: 'guest', collections: ['*'] }, table: { uri: 'file:./lake/{collection}' } },
      },
    };
    trusting = workspace(config, { NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') });
    naming = workspace({
      ...config,
      vault: { ...config.vault, caFile: join(folder, 'certificate.pem') },
      connections: { guest: { kind: 'dump', path: '${vault:kv/direct#dump}' } },
    });
    careless = workspace(config, { VAULT_SKIP_VERIFY: '1', NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  });
  afterAll(async () => {
    await trusting.close();
    await careless.close();
    await naming.close();
    for (const server of [secure, plain]) server.closeAllConnections();
    secure.close();
    plain.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('a redirect from https to http is not followed: 75, and the token stays here', async () => {
    const { ended } = await trusting.json('status');
    expect(ended.stderr).toContain('VAULT_UNREACHABLE');
    expect(ended.code).toBe(75);
    expect(arrived).toEqual([]);
    expect(ended.stdout + ended.stderr).not.toContain(TOKEN);
  });

  it('vault.caFile vouches for it', async () => {
    mkdirSync(join(naming.folder, 'dump'));
    const { ended } = await naming.json('status');
    // The configuration was read: what it is about is missed.
    expect(ended.stderr).toContain('the source has none [SOURCE_MISSING]');
  });

  it('a certificate that nobody vouches for is refused, whatever the environment says: 75', async () => {
    const { ended } = await careless.json('status');
    expect(ended.stderr).toMatch(/SELF_SIGNED_CERT \[VAULT_UNREACHABLE\]/);
    expect(ended.code).toBe(75);
    expect(arrived).toEqual([]);
  });
});
