import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openVault } from '../../../src/shared/adapters/secrets-vault.ts';
import type { IamAuth } from '../../../src/shared/adapters/vault-auth.ts';
import { fakeClock } from '../../coordinator/fake-clock.ts';
import { CANARIES, SECRET, shown, type VaultHouse, vaultHouse } from './secrets-vault-house.ts';
import { auth, kv2, type Reply, refusal } from './vault-fake.ts';

const NOW = Date.parse('2026-01-10T10:00:00Z');

let house: VaultHouse;
beforeEach(async () => {
  house = await vaultHouse();
  for (const mount of ['aws', 'kubernetes', 'approle']) {
    house.vault.on(`POST /v1/auth/${mount}/login`, auth('canary-token', 3600));
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await house.close();
});

const file = (text: string) => {
  const path = join(house.folder, 'secret');
  writeFileSync(path, text);
  return path;
};
const kubernetes = (tokenFile: string) =>
  house.by({ method: 'kubernetes', role: 'lake', mount: 'kubernetes', tokenFile });
const approle = (change: { secretId?: string; secretIdFile?: string; wrapped?: boolean }) =>
  house.by({ method: 'approle', mount: 'approle', roleId: 'canary-nonce-of-role', wrapped: false, ...change });
const iam = (change: Partial<IamAuth> = {}) => house.by({ method: 'iam', role: 'lake', mount: 'aws', ...change });

describe('login by IAM', () => {
  beforeEach(() => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'canary-value');
    vi.stubEnv('AWS_SESSION_TOKEN', '');
  });
  /** What was sent to Vault, decoded. */
  const sent = () => {
    const { body } = house.vault.seen.at(-1) ?? {};
    const decode = (key: string) => Buffer.from(String(body?.[key]), 'base64').toString();
    return {
      ...body,
      url: decode('iam_request_url'),
      body: decode('iam_request_body'),
      headers: JSON.parse(decode('iam_request_headers')) as Record<string, string>,
    };
  };

  test('gives Vault a request of now that is signed and was not sent', async () => {
    await house.open(iam(), fakeClock(NOW));
    expect(house.vault.seen).toHaveLength(1);
    expect(sent()).toMatchObject({
      role: 'lake',
      iam_http_request_method: 'POST',
      url: 'https://sts.amazonaws.com/',
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
      headers: { host: 'sts.amazonaws.com', 'x-amz-date': '20260110T100000Z' },
    });
    expect(sent().headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260110\/us-east-1\/sts\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(JSON.stringify(house.vault.seen)).not.toContain('canary-value');
  });

  test.each([
    [{ region: 'eu-west-1' }, 'https://sts.eu-west-1.amazonaws.com/', 'eu-west-1'],
    [{ region: 'cn-north-1' }, 'https://sts.cn-north-1.amazonaws.com.cn/', 'cn-north-1'],
    [{ stsEndpoint: 'https://vpce-1.sts.example.com' }, 'https://vpce-1.sts.example.com/', 'us-east-1'],
    [{ stsEndpoint: 'http://127.0.0.1:5000', region: 'eu-west-1' }, 'http://127.0.0.1:5000/', 'eu-west-1'],
  ])('signs for the STS that Vault asks: %o', async (change, url, region) => {
    await house.open(iam(change), fakeClock(NOW));
    expect(sent().url).toBe(url);
    expect(sent().headers.host).toBe(new URL(url).host);
    expect(sent().headers.authorization).toContain(`/20260110/${region}/sts/aws4_request`);
  });

  test('signs the server id and the session token too', async () => {
    vi.stubEnv('AWS_SESSION_TOKEN', 'session');
    await house.open(iam({ serverId: 'vault.example.com' }), fakeClock(NOW));
    expect(sent().headers).toMatchObject({
      'x-vault-aws-iam-server-id': 'vault.example.com',
      'x-amz-security-token': 'session',
    });
    expect(sent().headers.authorization).toContain(
      'SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id',
    );
  });

  test('what was sent is in no message', async () => {
    vi.stubEnv('AWS_SESSION_TOKEN', 'canary-value');
    house.vault.on('POST /v1/auth/aws/login', refusal(400, 'bad canary-value'));
    expect(shown(await house.failure(iam()))).not.toContain('canary-value');
  });
});

describe('login by Kubernetes', () => {
  test('sends the role and the token, which is read anew each time', async () => {
    await house.open(kubernetes(file('first\n')));
    await house.open(kubernetes(file('second\n')));
    expect(house.vault.seen.map(({ body }) => body)).toEqual([
      { role: 'lake', jwt: 'first' },
      { role: 'lake', jwt: 'second' },
    ]);
  });

  test('without a token nothing is asked', async () => {
    const missing = join(house.folder, 'none');
    expect(await house.failure(kubernetes(missing))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${missing}: the service account token can not be read (ENOENT)`,
      hint: expect.stringContaining('projected'),
    });
    expect(await house.failure(kubernetes(file(' \n')))).toMatchObject({
      message: expect.stringContaining('is empty'),
    });
    expect(house.vault.seen).toEqual([]);
  });
});

describe('login by AppRole', () => {
  test.each([
    ['given', () => approle({ secretId: 's' }), 's'],
    ['in a file', () => approle({ secretIdFile: file('f\n') }), 'f'],
    ['none', () => approle({}), undefined],
  ])('sends the role id and the secret id: %s', async (_, settings, secret_id) => {
    await house.open(settings());
    const role_id = 'canary-nonce-of-role';
    expect(house.vault.seen[0]?.body).toEqual(secret_id === undefined ? { role_id } : { role_id, secret_id });
  });

  test('unwraps a secret id by its token, once for all logins', async () => {
    house.vault.on('POST /v1/sys/wrapping/unwrap', { status: 200, body: { data: { secret_id: 's' }, auth: null } });
    house.vault.on('POST /v1/auth/approle/login', refusal(503, 'Vault is sealed'), auth('canary-token', 3600));
    const clock = fakeClock(NOW);
    const opened = house.open({ ...approle({ secretId: 'wrapping', wrapped: true }), retryForMs: 10_000 }, clock);
    await vi.waitFor(
      async () => {
        await clock.advance(1_000);
        expect(house.vault.seen).toHaveLength(3);
      },
      { timeout: 20_000, interval: 5 },
    );
    await opened;
    const [unwrap, first, second] = house.vault.seen;
    expect(unwrap).toMatchObject({ path: '/v1/sys/wrapping/unwrap', headers: { 'x-vault-token': 'wrapping' } });
    expect([first?.body.secret_id, second?.body.secret_id]).toEqual(['s', 's']);
  });

  test.each<[string, Reply, string, string]>([
    ['used', refusal(400, 'wrapping token is not valid or does not exist'), 'was used or has ended (400)', 'audit log'],
    [
      'of something else',
      { status: 200, body: { data: { password: 'canary-value' } } },
      'is no secret id',
      '-wrap-ttl',
    ],
  ])('a wrapping token that is %s', async (_, reply, message, hint) => {
    house.vault.on('POST /v1/sys/wrapping/unwrap', reply);
    const error = await house.failure(approle({ secretId: 'canary-token', wrapped: true }));
    expect(error).toMatchObject({
      code: 'VAULT_REFUSED',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
  });
});

/** Vault's own words, as of the methods' path_login.go. */
const REFUSED: readonly (readonly [string, () => ReturnType<typeof iam>, Reply, string, string])[] = [
  ['iam', iam, refusal(400, 'auth method iam not allowed for role lake'), 'not of type iam', 'auth_type=iam'],
  [
    'iam',
    iam,
    refusal(400, 'error making upstream request: received error code 403 from STS: <Code>SignatureDoesNotMatch</Code>'),
    'AWS did not confirm the identity that signed: error making',
    'sts_region',
  ],
  [
    'iam',
    iam,
    refusal(400, 'error validating X-Vault-AWS-IAM-Server-ID header: missing header'),
    '(no vault.auth.serverId): error validating',
    'iam_server_id_header_value',
  ],
  ['iam', iam, refusal(403, 'permission denied'), '(403): permission denied', 'vault auth enable -path=aws aws'],
  [
    'kubernetes',
    () => kubernetes(file('canary-token')),
    refusal(500, 'could not load backend configuration'),
    'does not know its cluster yet',
    'kubernetes_host',
  ],
  [
    'kubernetes',
    () => kubernetes(file('canary-token')),
    refusal(400, 'invalid role name "lake"'),
    'there is no such role',
    'vault list auth/kubernetes/role',
  ],
  [
    'approle',
    () => approle({ secretId: 'canary-value' }),
    refusal(400, 'invalid secret id'),
    'the secret id of vault.auth.secretId is wrong, has ended',
    'secret_id_ttl',
  ],
  [
    'approle',
    () => approle({}),
    refusal(400, 'source address "10.0.0.1" unauthorized through CIDR restrictions on the secret ID'),
    'does not let this address in: source address "10.0.0.1"',
    'secret_id_bound_cidrs',
  ],
];

test.each(REFUSED)('a refusal of %s names method, role and mount', async (method, settings, reply, message, hint) => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'canary-value');
  const mount = method === 'iam' ? 'aws' : method;
  house.vault.on(`POST /v1/auth/${mount}/login`, reply);
  const error = await house.failure(settings());
  expect(error).toMatchObject({ code: 'VAULT_REFUSED', exitCode: 77, hint: expect.stringContaining(hint) });
  const role = method === 'approle' ? 'with id canary-n…' : 'lake';
  expect(error.message.startsWith(`Vault refused the ${method} login to role ${role} at auth/${mount}`)).toBe(true);
  expect(error.message).toContain(message);
  for (const canary of CANARIES) expect(shown(error)).not.toContain(canary);
});

describe('a start where Vault is away', () => {
  /** Moves the time on until `work` has come to an end. */
  const settled = async <T>(work: Promise<T>, clock: ReturnType<typeof fakeClock>) => {
    let done = false;
    const outcome = work.then(
      (value) => ({ value, error: undefined }),
      (error: unknown) => ({ value: undefined, error }),
    );
    void outcome.then(() => {
      done = true;
    });
    await vi.waitFor(
      async () => {
        await clock.advance(500);
        expect(done).toBe(true);
      },
      { timeout: 20_000, interval: 5 },
    );
    return outcome;
  };
  const sealed = refusal(503, 'Vault is sealed');

  test('waits for it, for login and read', async () => {
    const clock = fakeClock(NOW);
    house.vault.on('POST /v1/auth/kubernetes/login', sealed, sealed, auth('canary-token', 3600));
    house.vault.on(SECRET, sealed, kv2({ password: 'p' }));
    const work = house
      .open({ ...kubernetes(file('canary-token')), retryForMs: 30_000 }, clock)
      .then((secrets) => secrets.read([{ path: 'secret/data/m', key: 'password' }]));
    expect((await settled(work, clock)).value).toEqual([{ value: 'p' }]);
    expect(house.vault.seen).toHaveLength(5);
    expect(house.logged.map(({ text }) => text)).toEqual(
      [1, 2, 3].map(() => expect.stringMatching(/does not serve yet; it is tried again.*VAULT_SEALED/)),
    );
  });

  test('gives up after a while, and says so; a refusal is not tried again', async () => {
    const clock = fakeClock(NOW);
    house.vault.on('POST /v1/auth/kubernetes/login', sealed);
    const { error } = await settled(
      house.open({ ...kubernetes(file('canary-token')), retryForMs: 30_000 }, clock),
      clock,
    );
    expect(error).toMatchObject({
      code: 'VAULT_SEALED',
      message: expect.stringMatching(/ is sealed, or was never initialized \(tried for \d\d s\)$/),
      hint: expect.stringContaining('unseal'),
    });
    expect(clock.now() - NOW).toBeLessThanOrEqual(40_000);
    expect(house.vault.seen.length).toBeGreaterThan(5);
    const before = house.vault.seen.length;
    house.vault.on('POST /v1/auth/kubernetes/login', refusal(403, 'permission denied'));
    await settled(house.open({ ...kubernetes(file('canary-token')), retryForMs: 30_000 }, clock), clock);
    expect(house.vault.seen).toHaveLength(before + 1);
  });

  test('the signal ends the waiting', async () => {
    house.vault.on('POST /v1/auth/kubernetes/login', sealed);
    const stop = new AbortController();
    const logger = { debug: () => {}, warn: () => stop.abort(new Error('stopped')) };
    const settings = { ...kubernetes(file('canary-token')), retryForMs: 30_000 };
    const opened = openVault(settings, { clock: fakeClock(NOW), env: {}, logger, signal: stop.signal });
    await expect(opened).rejects.toThrow('stopped');
    expect(house.vault.seen).toHaveLength(1);
  });
});
