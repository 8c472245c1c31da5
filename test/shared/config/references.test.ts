// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSecretReference } from '../../../src/shared/config/references.ts';
import type { VaultConfig } from '../../../src/shared/config/schema.ts';
import { loadConfig } from '../../../src/shared/config.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { SecretAnswer, SecretReference, Secrets } from '../../../src/shared/ports/secrets.ts';
import { SMALL } from './sample.ts';

const VAULT = 'vault: { address: "${ADDR}", auth: { method: token, token: t } }\n';
const ENV = { ADDR: 'http://vault:8200' };
const URI = 'mongodb://reader:${vault:secret/data/m#password}@db/?x=${vault:secret/data/m#x}';
const WITH = `${SMALL.replace('mongodb://localhost', URI)}${VAULT}`;

const folder = mkdtempSync(join(tmpdir(), 'mongolake-references-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads `text`; `values` is what the store has, by `path#key`. */
async function load(text: string, values: Record<string, string> = {}, leased: readonly string[] = []) {
  const file = join(folder, 'm.yaml');
  writeFileSync(file, text);
  const opened: VaultConfig[] = [];
  const read: SecretReference[][] = [];
  const secrets: Secrets = {
    description: 'a store',
    read: async (references) => {
      read.push([...references]);
      return references.map(({ path, key }): SecretAnswer => {
        const value = values[`${path}#${key}`];
        return value === undefined ? { missing: `there is no key ${key} at ${path} (it has: a, b)` } : { value };
      });
    },
    keepAlive: async () => {},
    leased: false,
    holds: (path) => leased.includes(path),
  };
  const result = await loadConfig(file, ENV, async (vault) => {
    opened.push(vault);
    return secrets;
  }).then(
    (loaded) => ({ loaded, error: undefined }),
    (error: unknown) => ({ loaded: undefined, error: error as MongolakeError }),
  );
  const lines = result.error?.message.replaceAll(`${file}:`, '').split('\n');
  return { ...result, lines, opened, read };
}

describe('references to Vault', () => {
  test('are read anew when asked for, but for what is leased, which stays', async () => {
    const text = WITH.replace('secret/data/m#x', 'database/creds/r#x');
    const values = { 'secret/data/m#password': 'old', 'database/creds/r#x': 'leased' };
    const leased: string[] = [];
    const { loaded, read } = await load(text, values, leased);
    leased.push('database/creds/r');
    Object.assign(values, { 'secret/data/m#password': 'new', 'database/creds/r#x': 'another' });
    expect((await loaded?.renew?.())?.connections.db).toMatchObject({ uri: 'mongodb://reader:new@db/?x=leased' });
    expect(read.at(-1)).toEqual([{ path: 'secret/data/m', key: 'password' }]);
    // Its lease came to its end.
    leased.length = 0;
    expect((await loaded?.renew?.())?.connections.db).toMatchObject({ uri: 'mongodb://reader:new@db/?x=another' });
  });

  test('are read once and put in', async () => {
    const { loaded, opened, read } = await load(WITH, { 'secret/data/m#password': 'p@ss', 'secret/data/m#x': 'y' });
    expect(loaded?.config.connections.db).toMatchObject({ uri: 'mongodb://reader:p%40ss@db/?x=y' });
    expect(loaded?.secrets?.description).toBe('a store');
    expect(opened).toMatchObject([{ address: 'http://vault:8200', timeout: 10_000 }]);
    expect(read).toEqual([
      [
        { path: 'secret/data/m', key: 'password' },
        { path: 'secret/data/m', key: 'x' },
      ],
    ]);
  });

  test('where there are none, also not outside of comments, Vault is not asked', async () => {
    const { loaded, opened } = await load(`${SMALL}${VAULT}# \${vault:secret/data/m#x}\n`);
    expect(loaded?.secrets).toBeUndefined();
    expect(loaded?.config.vault?.address).toBe('http://vault:8200');
    expect(opened).toEqual([]);
  });

  test('need no quotes within braces', async () => {
    const { loaded } = await load(WITH.replace(`"${URI}"`, '${vault:secret/data/m#uri}'), {
      'secret/data/m#uri': 'mongodb://a:b%40@c/',
    });
    expect(loaded?.config.connections.db).toMatchObject({ uri: 'mongodb://a:b%40@c/' });
  });

  test('the nonce file is relative to the file', async () => {
    const auth = 'auth: { method: ec2, role: m, nonceFile: ./nonce }';
    const { opened, loaded } = await load(WITH.replace(/auth: {.*?}/, auth), {
      'secret/data/m#password': 'p',
      'secret/data/m#x': 'y',
    });
    const expected = { auth: { nonceFile: join(folder, 'nonce'), mount: 'aws' } };
    expect(opened).toMatchObject([expected]);
    expect(loaded?.config.vault).toMatchObject(expected);
  });
});

describe('what is wrong', () => {
  test('a missing key: place, key, reference and what the store says; the code is that of a configuration', async () => {
    const { error, lines } = await load(`${WITH}log: { level: "\${vault:secret/data/n#level}" }\n`, {
      'secret/data/m#x': 'canary-1',
      'secret/data/n#level': 'canary-2',
    });
    expect([error?.code, error?.exitCode]).toEqual(['CONFIG_INVALID', 78]);
    expect(lines).toEqual([
      '3:29 connections.db.uri: ${vault:secret/data/m#password}: there is no key password at secret/data/m (it has: a, b)',
      '10:15 log.level: expected one of trace, debug, info, warn, error, fatal, silent (the value comes from ${vault:secret/data/n#level})',
    ]);
    expect(JSON.stringify([error, error?.message])).not.toContain('canary');
  });

  test('everything else that is wrong is told first, and Vault is not asked', async () => {
    const { lines, opened } = await load(`${WITH.replace('region: eu-west-1', 'regio: x')}queue: { kind: cafe }\n`);
    expect(lines).toEqual([
      '4:3 connections.lake.region: missing: expected a string that is not empty',
      '4:21 connections.lake.regio: unknown key (did you mean "region"?)',
      '10:16 queue.kind: expected one of "local", "redis"',
    ]);
    expect(opened).toEqual([]);
  });

  test('no vault section', async () => {
    const { lines, opened } = await load(WITH.replace(VAULT, ''));
    const words = 'needs a vault: section that says which Vault answers';
    expect(lines).toEqual([
      `3:29 connections.db.uri: \${vault:secret/data/m#password}: ${words}`,
      `3:29 connections.db.uri: \${vault:secret/data/m#x}: ${words}`,
    ]);
    expect(opened).toEqual([]);
  });

  test('a reference within the vault section', async () => {
    const { lines, opened } = await load(WITH.replace('token: t', 'token: "${vault:secret/data/m#token}"'));
    expect(lines).toEqual([
      '9:60 vault.auth.token: ${vault:secret/data/m#token}: how Vault is reached can not come from Vault; take it from the environment',
    ]);
    expect(opened).toEqual([]);
  });

  test.each(['secret/data/m', 'secret#x', '/secret/m#x', 'secret/../sys/m#x', 'secret/m#', 'secret//m#x', 'a/b?c#x'])(
    '%s is no reference',
    async (name) => {
      expect(parseSecretReference(name)).toBeUndefined();
      const { lines, opened } = await load(WITH.replace('secret/data/m#x', name));
      expect(lines?.[0]).toContain('expected a path, # and a key, such as ${vault:');
      expect(opened).toEqual([]);
    },
  );

  test('an error of the store stays what it is', async () => {
    const file = join(folder, 'm.yaml');
    writeFileSync(file, WITH);
    const sealed = new MongolakeError('VAULT_SEALED', 'sealed');
    await expect(loadConfig(file, ENV, () => Promise.reject(sealed))).rejects.toBe(sealed);
  });
});
