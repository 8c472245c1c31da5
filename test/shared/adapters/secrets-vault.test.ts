import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LOGIN, SECRET, type VaultHouse, vaultHouse } from './secrets-vault-house.ts';
import { auth, kv1, kv2, refusal } from './vault-fake.ts';

let house: VaultHouse;
beforeEach(async () => {
  house = await vaultHouse();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await house.close();
});

const at = (key: string, path = 'secret/data/m') => ({ path, key });

describe('login by EC2', () => {
  test('sends role, document and a nonce that is kept, and reads with the token', async () => {
    house.vault.on(SECRET, kv2({ password: 'p' }));
    const secrets = await house.open(house.ec2());
    expect(await secrets.read([at('password')])).toEqual([{ value: 'p' }]);
    const [login, read] = house.vault.seen;
    const nonce = readFileSync(house.nonceFile, 'utf8').trim();
    expect(login?.body).toEqual({ role: 'lake', pkcs7: 'Y2FuYXJ5LWRvY3VtZW50', nonce });
    expect(read?.headers['x-vault-token']).toBe('canary-token');
    await house.open(house.ec2());
    expect(house.vault.seen.at(-1)?.body.nonce).toBe(nonce);
    expect(secrets.description).toBe(`Vault at ${house.vault.url}`);
  });

  test('takes a nonce that is given, another mount, a namespace', async () => {
    house.vault.on('POST /v1/auth/team/aws%20eu/login', auth('t', 60));
    await house.open({ ...house.ec2({ nonce: 'mine', mount: 'team/aws eu' }), namespace: 'data' });
    expect(house.vault.seen[0]?.body.nonce).toBe('mine');
    expect(house.vault.seen[0]?.headers['x-vault-namespace']).toBe('data');
    expect(() => readFileSync(house.nonceFile)).toThrow('ENOENT');
  });

  test("heeds nothing of the environment's Vault", async () => {
    vi.stubEnv('VAULT_TOKEN', 'of-somebody-else');
    vi.stubEnv('VAULT_NAMESPACE', 'of-somebody-else');
    vi.stubEnv('VAULT_PREFIX', '/of-somebody-else');
    vi.stubEnv('VAULT_ADDR', 'http://127.0.0.1:1');
    vi.stubEnv('VAULT_SKIP_VERIFY', '1');
    await house.open(house.ec2());
    expect(house.vault.seen).toMatchObject([{ path: '/v1/auth/aws/login' }]);
    expect(JSON.stringify(house.vault.seen)).not.toContain('of-somebody-else');
  });

  test('with a DEBUG that would print secrets nothing is asked', async () => {
    await expect(house.open(house.ec2(), undefined, { DEBUG: 'a,node-*' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect([...house.vault.seen, ...house.metadata.seen]).toEqual([]);
  });
});

describe('a token', () => {
  test('is used as it is', async () => {
    house.vault.on(SECRET, kv2({ password: 'p' }));
    const secrets = await house.open(house.token());
    expect(house.vault.seen).toEqual([]);
    expect(await secrets.read([at('password')])).toEqual([{ value: 'p' }]);
    expect(house.vault.seen[0]?.headers['x-vault-token']).toBe('canary-token');
  });
});

describe('reading', () => {
  test('each path once, in the order asked, of both versions of KV', async () => {
    house.vault.on(SECRET, kv2({ a: '1', b: '2', data: '3' }));
    house.vault.on('GET /v1/old/m%20n', kv1({ c: '4', data: '5' }));
    const secrets = await house.open(house.token());
    const asked = [at('b'), at('c', 'old/m n'), at('a'), at('data'), at('data', 'old/m n')];
    const values = (await secrets.read(asked)).map((answer) => ('value' in answer ? answer.value : answer.missing));
    expect(values).toEqual(['2', '4', '1', '3', '5']);
    expect(house.vault.seen.map(({ path }) => path)).toEqual(['/v1/secret/data/m', '/v1/old/m%20n']);
  });

  test('numbers and booleans become text, what has parts is told', async () => {
    const fields = { n: 27017, f: 1.5, t: true, e: '', o: { canary: 'canary' }, l: ['canary'], z: null, big: 2 ** 60 };
    house.vault.on(SECRET, kv2(fields));
    const secrets = await house.open(house.token());
    const answers = await secrets.read([...Object.keys(fields), 'none', 'toString'].map((key) => at(key)));
    const kinds = 'expected a string, a number or a boolean';
    const has = '(it has: big, e, f, l, n, o, t, z)';
    expect(answers).toEqual([
      { value: '27017' },
      { value: '1.5' },
      { value: 'true' },
      { value: '' },
      { missing: `the key o at secret/data/m is an object; ${kinds}` },
      { missing: `the key l at secret/data/m is a list; ${kinds}` },
      { missing: `the key z at secret/data/m is null; ${kinds}` },
      { missing: 'the key big at secret/data/m is a number that is too large to be exact; store it as a string' },
      { missing: `there is no key none at secret/data/m ${has}` },
      { missing: `there is no key toString at secret/data/m ${has}` },
    ]);
  });

  const deleted = { data: null, metadata: { created_time: 'c', deletion_time: 'd', destroyed: false, version: 2 } };
  const versioned =
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use 'vault kv get' for this operation.";
  test.each([
    ['nothing there', refusal(404), 'there is nothing at secret/m'],
    ['no engine', refusal(404, 'no handler for route "secret/m". route entry not found.'), 'no secrets engine'],
    ['a deleted version', { status: 404, body: { data: deleted } }, 'the latest version of secret/m was deleted'],
    ['data/ left out', { status: 404, body: { errors: [], warnings: [versioned] } }, 'such as secret/data/m'],
    ['no secret', { status: 200, body: 'canary' }, 'what Vault has at secret/m is not a secret of keys and values'],
  ])('%s', async (_, reply, words) => {
    house.vault.on('GET /v1/secret/m', reply);
    const secrets = await house.open(house.token());
    expect(await secrets.read([at('a', 'secret/m')])).toEqual([{ missing: expect.stringContaining(words) }]);
  });

  test('a login whose answer has no token', async () => {
    house.vault.on(LOGIN, { status: 200, body: { auth: null, data: { password: 'canary-value' } } });
    expect(await house.failure(house.ec2())).toMatchObject({
      code: 'VAULT_REFUSED',
      message: expect.stringContaining('gave no token'),
    });
  });
});
