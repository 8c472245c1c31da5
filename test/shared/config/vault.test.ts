// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/shared/config.ts';
import { failure, SMALL } from './sample.ts';

const withAuth = (auth: string, more = '') =>
  `${SMALL}vault: { address: "https://vault:8200", auth: ${auth}${more} }\n`;
const vaultOf = (text: string) => parseConfig(text, '/etc/lake/m.yaml', { ID: 'role-id' }).vault;
const STANDARD = { address: 'https://vault:8200', timeout: 10_000, retryFor: 30_000 };

describe('the logins, with every default', () => {
  test.each([
    ['{ method: ec2, role: r }', { role: 'r', mount: 'aws', nonceFile: '/var/lib/mongolake/vault-nonce' }],
    ['{ method: iam, role: r }', { method: 'iam', role: 'r', mount: 'aws' }],
    [
      '{ method: iam, role: r, region: eu-west-1, stsEndpoint: "http://127.0.0.1:5000", serverId: v }',
      { region: 'eu-west-1', stsEndpoint: 'http://127.0.0.1:5000', serverId: 'v' },
    ],
    [
      '{ method: kubernetes, role: r }',
      { mount: 'kubernetes', tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    ],
    ['{ method: kubernetes, role: r, tokenFile: token }', { tokenFile: '/etc/lake/token' }],
    ['{ method: approle, roleId: "${ID}" }', { mount: 'approle', roleId: 'role-id', wrapped: false }],
    [
      '{ method: approle, roleId: r, secretIdFile: secret-id, wrapped: true }',
      { secretIdFile: '/etc/lake/secret-id', wrapped: true },
    ],
    ['{ method: token, token: t }', { method: 'token', token: 't' }],
  ])('%s', (auth, expected) => {
    expect(vaultOf(withAuth(auth))).toMatchObject({ ...STANDARD, auth: expected });
  });

  test('a CA file is absolute, a start waits as long as is said', () => {
    const more = ', caFile: ca.pem, retryFor: 0s, namespace: n';
    expect(vaultOf(withAuth('{ method: token, token: t }', more))).toMatchObject({
      caFile: '/etc/lake/ca.pem',
      retryFor: 0,
      namespace: 'n',
    });
  });
});

test.each([
  ['{ method: kerberos }', 'vault.auth.method: expected one of "ec2", "iam", "kubernetes", "approle", "token"'],
  ['{ method: iam, role: r, nonce: n }', 'vault.auth.nonce: unknown key'],
  ['{ method: iam, role: r, region: "EU west" }', 'vault.auth.region: expected a region, such as eu-west-1'],
  ['{ method: iam, role: r, stsEndpoint: "https://sts/x" }', 'vault.auth.stsEndpoint: expected a URL'],
  ['{ method: kubernetes }', 'vault.auth.role: missing'],
  ['{ method: approle }', 'vault.auth.roleId: missing'],
  [
    '{ method: approle, roleId: r, secretId: s, secretIdFile: f }',
    'vault.auth.secretIdFile: secretId is there too: leave one out',
  ],
  ['{ method: approle, roleId: r, wrapped: true }', 'vault.auth.wrapped: needs secretIdFile or secretId'],
])('%s is refused', (auth, words) => {
  expect(failure(withAuth(auth))).toContain(words);
});
