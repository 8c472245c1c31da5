import { describe, expect, test } from 'vitest';
import { tlsWarnings } from '../../src/cli/check-tls.ts';
import { parse, SMALL } from '../shared/config/sample.ts';

const warned = (text: string, trustsAll = false) =>
  tlsWarnings(parse(text), trustsAll).map(({ name, status, message }) => {
    expect([name, status]).toEqual(['tls', 'warning']);
    return message;
  });
const mongodb = (uri: string, tls = '') => SMALL.replace('uri: "mongodb://localhost"', `uri: "${uri}"${tls}`);

describe('a connection in the clear to another host', () => {
  test.each([
    [
      'MongoDB',
      mongodb('mongodb://u:p@db.example.com/'),
      'connections.db: the connection to db.example.com is not encr',
    ],
    [
      'one member away',
      mongodb('mongodb://localhost,db2:27018/?tls=false'),
      'connections.db: the connection to db2 is',
    ],
    [
      'an SRV name without TLS',
      mongodb('mongodb+srv://db.example.com/?tls=false'),
      'to db.example.com is not encrypted',
    ],
    ['Redis', `${SMALL}queue: { kind: redis, url: "redis://:p@queue" }`, 'queue: the connection to queue is not encr'],
    [
      'S3',
      SMALL.replace('region: eu-west-1', 'region: e, endpoint: "http://10.1.2.3:9000"'),
      'connections.lake: the conn',
    ],
    [
      'Vault',
      `${SMALL}vault: { address: "http://vault", auth: { method: token, token: t } }`,
      'vault: the connection to',
    ],
    [
      'TLS to whoever answers',
      mongodb('mongodb://db/?tls=true&tlsInsecure=true'),
      'tlsInsecure takes any server for db',
    ],
    [
      'the same',
      mongodb('mongodb://db/?tlsAllowInvalidHostnames=true', ', tls: {}'),
      'tlsAllowInvalidHostnames takes any',
    ],
  ])('%s is warned of', (_name, text, words) => {
    const found = warned(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(words);
  });

  test('as is Node that takes any certificate', () => {
    expect(warned(SMALL, true)).toEqual([expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED=0')]);
  });

  test.each([
    ['this machine', SMALL],
    ['this machine by number', mongodb('mongodb://u:p@127.0.0.1:27017,[::1]:27018/')],
    ['a socket of this machine', mongodb('mongodb://%2Ftmp%2Fmongodb-27017.sock/')],
    ['TLS by the section', mongodb('mongodb://db/', ', tls: {}')],
    ['TLS by the URI', mongodb('mongodb://db/?ssl=true')],
    ['an SRV name', mongodb('mongodb+srv://db.example.com/')],
    ['Redis over TLS', `${SMALL}queue: { kind: redis, url: "rediss://queue" }`],
    ['Redis here', `${SMALL}queue: { kind: redis, url: "redis://localhost" }`],
    ['S3 of AWS, and another over TLS', SMALL.replace('region: eu-west-1', 'region: e, endpoint: "https://s3"')],
  ])('%s is not', (_name, text) => {
    expect(warned(text)).toEqual([]);
  });
});
