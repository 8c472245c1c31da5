import { writeFileSync } from 'node:fs';
import { createServer as createTcp, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CANARIES, LOGIN, SECRET, shown, type VaultHouse, vaultHouse } from './secrets-vault-house.ts';
import { lookUp, type Reply, refusal } from './vault-fake.ts';

let house: VaultHouse;
beforeEach(async () => {
  house = await vaultHouse();
  writeFileSync(house.nonceFile, 'canary-nonce', { mode: 0o600 });
});
afterEach(() => house.close());

/** Vault's own words, as of builtin/credential/aws/path_login.go and http/handler.go. */
const LOGINS: readonly (readonly [string, Reply, string, string, string])[] = [
  [
    'another nonce',
    refusal(400, '* client nonce mismatch'),
    'VAULT_REFUSED',
    'Vault refused the ec2 login to role lake at auth/aws: it knows this instance with another client nonce than that of NONCE',
    'vault delete auth/aws/identity-accesslist/<instance id>',
  ],
  [
    'another nonce, older document',
    refusal(400, 'client nonce mismatch and instance meta-data incorrect'),
    'VAULT_REFUSED',
    'another client nonce',
    'identity-accesslist',
  ],
  [
    'only one login',
    refusal(400, 'reauthentication is disabled'),
    'VAULT_REFUSED',
    'only once',
    'disallow_reauthentication=false',
  ],
  [
    'a foreign AMI',
    refusal(400, 'Error validating instance: AMI ID "ami-1" does not belong to role "lake"'),
    'VAULT_REFUSED',
    'it does not let this instance in: Error validating instance: AMI ID "ami-1" does not belong',
    'vault read auth/aws/role/lake',
  ],
  [
    'a foreign account',
    refusal(400, 'Error validating instance: account ID "1" does not belong to role "lake"'),
    'VAULT_REFUSED',
    'account ID "1"',
    'bound_',
  ],
  [
    'a foreign region',
    refusal(400, 'Region "eu-1" does not satisfy the constraint on role "lake"'),
    'VAULT_REFUSED',
    'Region "eu-1"',
    'bound_',
  ],
  [
    'an unknown instance',
    refusal(
      400,
      'failed to verify instance ID: error fetching description for instance ID "i-1": InvalidInstanceID.NotFound: no',
    ),
    'VAULT_REFUSED',
    'it could not confirm this instance with AWS: failed to verify',
    'ec2:DescribeInstances',
  ],
  [
    'an unknown role',
    refusal(400, 'entry for role "lake" not found'),
    'VAULT_REFUSED',
    'ec2 login to role lake at auth/aws: there is no such role',
    'vault list auth/aws/roles',
  ],
  [
    'a role of another type',
    refusal(400, 'auth method ec2 not allowed for role lake'),
    'VAULT_REFUSED',
    'the role is not of type ec2',
    'auth_type=ec2',
  ],
  [
    'a foreign signature',
    refusal(500, '1 error occurred:\n\t* failed to verify the signature: pkcs7: No certificate for signer\n\n'),
    'VAULT_REFUSED',
    'does not trust the identity document of this instance: failed to verify the signature',
    'config/certificate',
  ],
  [
    'not mounted',
    refusal(403, 'permission denied'),
    'VAULT_REFUSED',
    'refused the ec2 login to role lake at auth/aws (403): permission denied',
    'vault auth enable -path=aws aws',
  ],
  [
    'not mounted, in old versions',
    refusal(400, 'missing client token'),
    'VAULT_REFUSED',
    'refused the ec2 login',
    'vault.auth.mount',
  ],
  [
    'another method there',
    refusal(404, '1 error occurred:\n\t* unsupported path\n\n'),
    'VAULT_REFUSED',
    '(404): unsupported path',
    'vault.auth.mount',
  ],
  [
    'another refusal',
    refusal(400, 'something new'),
    'VAULT_REFUSED',
    'refused the ec2 login to role lake at auth/aws (400): something new',
    'vault.auth',
  ],
  ['sealed', refusal(503, 'Vault is sealed'), 'VAULT_SEALED', 'is sealed', 'vault operator unseal'],
  [
    'standby',
    refusal(503, 'no active Vault instance found'),
    'VAULT_SEALED',
    'is not active (503): no active',
    'vault status',
  ],
  [
    'not initialized',
    { status: 501, body: { initialized: false } },
    'VAULT_SEALED',
    'is not active (501)',
    'not initialized',
  ],
  ['secondary', { status: 472, body: '' }, 'VAULT_SEALED', '(472)', 'standby'],
  ['performance standby', { status: 473, body: '' }, 'VAULT_SEALED', '(473)', 'standby'],
  [
    'too many',
    refusal(429, 'request path "auth/aws/login": rate limit quota exceeded'),
    'VAULT_UNREACHABLE',
    'asks to come later (429)',
    'rate limit',
  ],
  ['broken', refusal(500, 'internal error'), 'VAULT_UNREACHABLE', 'failed (500): internal error', "Vault's own log"],
  ['a proxy', { status: 502, body: '<html>canary-value' }, 'VAULT_UNREACHABLE', 'failed (502)', 'again'],
  [
    'TLS expected',
    { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
    'VAULT_UNREACHABLE',
    'does not take the request (400)',
    'https://',
  ],
  [
    'what was sent comes back',
    refusal(400, 'bad canary-nonce in Y2FuYXJ5LWRvY3VtZW50', '\u001b[31mred'),
    'VAULT_REFUSED',
    '(400): bad … in …; [31mred',
    '',
  ],
];

describe('a login by EC2', () => {
  test.each(LOGINS)('%s', async (_, reply, code, message, hint) => {
    house.vault.on(LOGIN, reply);
    const error = await house.failure(house.ec2());
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(message.replace('NONCE', house.nonceFile)),
      hint: expect.stringContaining(hint),
    });
    for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
    expect(error.cause).toBeUndefined();
    expect([error.exitCode, error.retryable]).toEqual(code === 'VAULT_REFUSED' ? [77, false] : [75, true]);
  });

  test('a nonce that is given is named by its key', async () => {
    house.vault.on(LOGIN, refusal(400, 'client nonce mismatch'));
    const error = await house.failure(house.ec2({ nonce: 'canary-nonce' }));
    expect(error.message).toBe(
      'Vault refused the ec2 login to role lake at auth/aws: it knows this instance with another client nonce than that of vault.auth.nonce',
    );
  });

  test('a long reason is cut', async () => {
    house.vault.on(LOGIN, refusal(400, `role tag ${'word '.repeat(500)}${'A'.repeat(5000)}`));
    expect((await house.failure(house.ec2())).message.length).toBeLessThan(450);
  });

  test('not on EC2', async () => {
    house.metadata.on('PUT /latest/api/token', { status: 404 });
    expect(await house.failure(house.ec2())).toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: expect.stringContaining('the instance metadata service'),
    });
    expect(house.vault.seen).toEqual([]);
  });
});

describe('a read', () => {
  const DENIED = refusal(403, '1 error occurred:\n\t* permission denied\n\n');

  test.each([
    ['ec2', 'the role lake'],
    ['token', 'the token'],
  ] as const)('without rights, logged in by %s', async (method, who) => {
    house.vault.on(SECRET, DENIED);
    house.vault.on('GET /v1/auth/token/lookup-self', lookUp(3600));
    expect(await house.failure(house[method]())).toMatchObject({
      code: 'VAULT_REFUSED',
      message: `Vault does not let ${who} read secret/data/m (403): permission denied`,
      hint: expect.stringContaining(`A policy of ${who} must say: path "secret/data/m" { capabilities = ["read"] }`),
    });
  });

  test('with a wrong token', async () => {
    const invalid = refusal(403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n');
    house.vault.on(SECRET, invalid);
    house.vault.on('GET /v1/auth/token/lookup-self', invalid);
    const error = await house.failure(house.token());
    expect(error).toMatchObject({
      code: 'VAULT_REFUSED',
      message: `Vault at ${house.vault.url} does not take the token (403): permission denied; invalid token`,
      hint: expect.stringContaining('revoked or has ended'),
    });
    for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
  });

  test('while it is sealed', async () => {
    house.vault.on(SECRET, refusal(503, 'Vault is sealed'));
    expect(await house.failure(house.token())).toMatchObject({ code: 'VAULT_SEALED' });
  });
});

describe('no answer', () => {
  const place = (address: string) => ({ ...house.token(), address, timeoutMs: 2_000 });

  test('no connection, no such host, no answer in time', async () => {
    const { url } = house.vault;
    house.vault.on(SECRET, 'hang');
    const late = await house.failure({ ...house.token(), timeoutMs: 100 });
    expect(late.message).toBe(`Vault at ${url} can't be reached: no answer in 0.1 s`);
    const closed = await house.failure(place('http://127.0.0.1:1'));
    expect(closed.message).toBe("Vault at http://127.0.0.1:1 can't be reached: connection refused");
    const nowhere = await house.failure(place('http://vault.invalid:8200'));
    expect(nowhere.message).toMatch(/can't be reached: (no such host|the name can not be looked up just now)$/);
    for (const error of [late, closed, nowhere]) {
      expect(error).toMatchObject({ code: 'VAULT_UNREACHABLE', hint: expect.stringContaining('vault.address') });
      for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
    }
  });

  test('TLS asked of a Vault without', async () => {
    const error = await house.failure(place(house.vault.url.replace('http:', 'https:')));
    expect(error).toMatchObject({ code: 'VAULT_UNREACHABLE', hint: expect.stringContaining('http:// where') });
  });

  test('what is no HTTP at all', async () => {
    const tcp: Server = createTcp((socket) => socket.resume().end('220 canary-value\r\n')).listen(0, '127.0.0.1');
    await new Promise((resolve) => tcp.once('listening', resolve));
    const { port } = tcp.address() as { port: number };
    const error = await house.failure(place(`http://127.0.0.1:${port}`));
    expect(error.code).toBe('VAULT_UNREACHABLE');
    for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
    await new Promise((resolve) => tcp.close(resolve));
  });
});
