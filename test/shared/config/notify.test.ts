import { expect, test } from 'vitest';
import { configSecrets } from '../../../src/shared/config/secrets.ts';
import { parseConfig } from '../../../src/shared/config.ts';
import { SMALL } from './sample.ts';

const parse = (notify: string) => parseConfig(`${SMALL}notify: ${notify}\n`, 'mongolake.yaml', {}).notify;

test('a webhook is JSON, waits 10 s and leaves to the program of what to tell', () => {
  expect(parse('[{ url: "https://h/x" }]')).toEqual([
    { url: 'https://h/x', format: 'json', headers: {}, timeout: 10_000 },
  ]);
});

test.each([
  ['another scheme', '[{ url: "ftp://h/x" }]'],
  ['user and password', '[{ url: "https://user:canary@h/x" }]'],
  ['an event that there is none of', '[{ url: "https://h/x", events: [exploded] }]'],
  ['no event', '[{ url: "https://h/x", events: [] }]'],
  ['a header of two lines', '[{ url: "https://h/x", headers: { a: "canary\\r\\nb: c" } }]'],
  ['no webhook', '[]'],
])('refuses %s, without its value', (_, notify) => {
  expect(() => parse(notify)).toThrow(/notify/);
  expect(() => parse(notify)).not.toThrow(/canary/);
});

test('path, query, their long parts, and headers are secrets; host and short words are not', () => {
  const url = 'https://hooks.example.com/services/T0/canary-4801-path?key=canary-4801-query';
  const secrets = configSecrets({ notify: [{ url, headers: { authorization: 'Bearer abc', 'x-key': 'def' } }] });
  expect(secrets).toEqual(
    expect.arrayContaining([
      '/services/T0/canary-4801-path?key=canary-4801-query',
      'canary-4801-path',
      'canary-4801-query',
      'Bearer abc',
      'abc',
      'def',
    ]),
  );
  for (const word of ['hooks.example.com', 'services', 'T0', 'key', 'Bearer']) expect(secrets).not.toContain(word);
});
