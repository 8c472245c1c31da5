import { expect, it } from 'vitest';
import { parseListen } from '../../src/cli/listen.ts';

it('reads host and port as the configuration does', () => {
  expect(parseListen(undefined)).toBeUndefined();
  expect(parseListen('127.0.0.1:3000')).toEqual({ host: '127.0.0.1', port: 3000 });
  expect(parseListen('[::1]:0')).toEqual({ host: '::1', port: 0 });
});

it.each(['', '3000', 'localhost', ':3000', 'a:70000', '::1:3000', 'http://a:1'])(
  '"%s" is an error of usage',
  (value) => {
    expect(() => parseListen(value)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  },
);
