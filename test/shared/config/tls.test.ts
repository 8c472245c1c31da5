import { describe, expect, test } from 'vitest';
import { configSecrets } from '../../../src/shared/config/secrets.ts';
import { failure, parse, SMALL } from './sample.ts';

const withMongodb = (tls: string) =>
  SMALL.replace('uri: "mongodb://localhost"', `uri: "mongodb://localhost", tls: ${tls}`);
const withS3 = (more: string) => SMALL.replace('region: eu-west-1', `region: eu-west-1, ${more}`);
const withRedis = (url: string, tls: string) => `${SMALL}queue: { kind: redis, url: "${url}", tls: ${tls} }\n`;

describe('certificates', () => {
  test('paths start at the folder of the file', () => {
    expect(parse(withMongodb('{ caFile: tls/ca.pem, certificateKeyFile: ../c.pem }')).connections.db).toMatchObject({
      tls: { caFile: '/etc/tls/ca.pem', certificateKeyFile: '/c.pem' },
    });
    expect(parse(withS3('caFile: ca.pem')).connections.lake).toMatchObject({ caFile: '/etc/ca.pem' });
    const files = '{ caFile: ca.pem, certFile: c.pem, keyFile: /run/c.key }';
    expect(parse(withRedis('rediss://queue', files)).queue).toMatchObject({
      tls: { caFile: '/etc/ca.pem', certFile: '/etc/c.pem', keyFile: '/run/c.key' },
    });
  });

  test.each([
    ['a password without its key', withMongodb('{ certificateKeyFilePassword: canary }'), 'needs certificateKeyFile'],
    ['a certificate without its key', withRedis('rediss://q', '{ certFile: c.pem }'), 'tls.certFile: needs keyFile'],
    ['a key without its certificate', withRedis('rediss://q', '{ keyFile: c.pem }'), 'tls.keyFile: needs certFile'],
    ['a password of no key', withRedis('rediss://q', '{ keyFilePassword: canary }'), 'keyFilePassword: needs keyFile'],
    ['certificates for no TLS', withRedis('redis://q', '{}'), 'queue.tls: needs a url that starts with rediss://'],
    [
      'an authority for no TLS',
      withS3('endpoint: "http://s3:9000", caFile: ca.pem'),
      'caFile: is of no use without TLS',
    ],
    ['an account that is none', withS3('expectedBucketOwner: "12345"'), 'expected an AWS account: 12 digits, quoted'],
    ['an account as a number', withS3('expectedBucketOwner: 111122223333'), 'expected a string; quote it'],
    ['encryption of no kind', withS3('encryption: { kind: c }'), 'lake.encryption.kind: expected one of "s3", "kms"'],
    [
      'a key where the store has its own',
      withS3('encryption: { kind: s3, keyId: k }'),
      'encryption.keyId: unknown key',
    ],
  ])('%s is refused', (_name, text, words) => {
    const said = failure(text);
    expect(said).toContain(words);
    expect(said).not.toContain('canary');
  });
});

test('every secret of a configuration is known as one, and what only says where it is is none', () => {
  const secrets = configSecrets({
    connections: {
      password: { uri: 'mongodb://reader:canary-1@h/?tlsCertificateKeyFilePassword=canary-2' },
      db: { tls: { caFile: 'ca', certificateKeyFilePassword: 'canary-3' } },
      lake: { region: 'r', credentials: { accessKeyId: 'id', secretAccessKey: 'canary-4', sessionToken: 'canary-5' } },
    },
    queue: { url: 'rediss://:canary-6@h', prefix: 'p', tls: { keyFile: 'k', keyFilePassword: 'canary-7' } },
    vault: { address: 'https://v', auth: { token: 'canary-8', nonce: ' canary-9 ', nonceFile: 'n', role: 'r' } },
    dashboard: { user: 'u', password: 'canary-10' },
    hashKey: 'canary-11',
    pipelines: { guest: { columns: { types: { password: 'string' } } } },
  });
  const found = [...new Set(secrets.map((secret) => secret.trim()))].filter((secret) => !secret.includes(':'));
  expect(found.sort()).toEqual(Array.from({ length: 11 }, (_, index) => `canary-${index + 1}`).sort());
  expect(secrets.filter((secret) => secret.includes(':'))).toEqual(['reader:canary-1']);
});
