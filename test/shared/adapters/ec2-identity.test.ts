import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { ec2Identity } from '../../../src/shared/adapters/ec2-identity.ts';
import { type FakeServer, fakeServer } from './vault-fake.ts';

const TOKEN = 'PUT /latest/api/token';
const PKCS7 = 'GET /latest/dynamic/instance-identity/pkcs7';

let server: FakeServer;
beforeEach(async () => {
  server = await fakeServer();
  server.on(TOKEN, { status: 200, body: 'canary-session==' });
  server.on(PKCS7, { status: 200, body: 'MIAGCSqG\nSIb3DQEH\r\nAqCAMI==\n' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const ask = (timeoutMs = 5_000, url = server.url) => ec2Identity({ url, timeoutMs }, systemClock());

describe('the identity of an EC2 instance', () => {
  test('is asked for with a session token, and has no line ends', async () => {
    expect(await ask()).toBe('MIAGCSqGSIb3DQEHAqCAMI==');
    expect(server.seen).toMatchObject([
      { method: 'PUT', path: '/latest/api/token', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } },
      { path: '/latest/dynamic/instance-identity/pkcs7', headers: { 'x-aws-ec2-metadata-token': 'canary-session==' } },
    ]);
  });

  test('never goes through a proxy', async () => {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) {
      vi.stubEnv(name, 'http://127.0.0.1:1');
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    expect(await ask()).toBe('MIAGCSqGSIb3DQEHAqCAMI==');
  });

  test('no metadata service', async () => {
    const { url } = server;
    await server.close();
    await expect(ask(5_000, url)).rejects.toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: `the instance metadata service at ${url} can't be asked: connection refused`,
      hint: expect.stringContaining('set the hop limit to 2'),
    });
  });

  test('an answer that is lost on the way, as at a hop limit of 1', async () => {
    server.on(TOKEN, 'hang');
    await expect(ask(50)).rejects.toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: expect.stringMatching(/can't be asked: no answer in 0\.05 s$/),
      hint: expect.stringContaining('set the hop limit to 2'),
    });
  });

  test.each([
    [
      'turned off',
      TOKEN,
      { status: 403, body: '' },
      'it is turned off for this instance (403)',
      'http-endpoint enabled',
    ],
    ['something else', TOKEN, { status: 404, body: 'canary' }, 'it answers 404 to PUT /latest/api/token', 'IMDSv2'],
    ['without an identity', PKCS7, { status: 404, body: 'canary' }, 'it answers 404 to GET /latest/dynamic', 'IMDSv2'],
    ['of other words', PKCS7, { status: 200, body: '<canary>' }, 'something else than a PKCS7', 'metadataUrl'],
    ['a token that is none', TOKEN, { status: 200, body: 'canary\u0001' }, 'it answers 200 to PUT', 'IMDSv2'],
    ['without end', PKCS7, { status: 200, body: 'canary'.repeat(20_000) }, 'no answer', 'EC2'],
  ])('%s', async (_, request, reply, message, hint) => {
    server.on(request, reply);
    const error = await ask().catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'VAULT_UNREACHABLE',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    expect(JSON.stringify([error, (error as Error).message])).not.toContain('canary');
  });
});
