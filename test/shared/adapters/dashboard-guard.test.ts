import { describe, expect, it } from 'vitest';
import {
  type GuardedRequest,
  isLoopback,
  refusalOf,
  refuseOpenDoor,
} from '../../../src/shared/adapters/dashboard-guard.ts';

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '[::1]', '0:0:0:0:0:0:0:1', 'localhost', 'LocalHost'])('%s is', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', 'a b', ''])(
    '"%s" is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe('refuseOpenDoor', () => {
  it('refuses an address that others reach where there is no password, and names the keys', () => {
    expect(() => refuseOpenDoor({ host: '0.0.0.0', port: 3000 }, false)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/dashboard\.listen \(or --listen\) is 0\.0\.0\.0:3000.*dashboard\.password/),
      }),
    );
    refuseOpenDoor({ host: '0.0.0.0', port: 3000 }, true);
    refuseOpenDoor({ host: '127.0.0.1', port: 3000 }, false);
  });
});

describe('refusalOf', () => {
  const asked = (request: Partial<GuardedRequest>): GuardedRequest => ({
    method: 'GET',
    host: 'localhost:3000',
    origin: undefined,
    fetchSite: undefined,
    ...request,
  });
  const status = (request: Partial<GuardedRequest>, rules: { login: boolean; readOnly: boolean }) =>
    refusalOf(asked(request), rules)?.status;

  it('without a password a name that is not of loopback is refused, with one it may pass', () => {
    for (const host of ['evil.example', 'evil.example:3000', '10.0.0.1', undefined, '']) {
      expect(status({ host }, { login: false, readOnly: true })).toBe(403);
      expect(status({ host }, { login: true, readOnly: true })).toBeUndefined();
    }
    for (const host of ['localhost', '127.0.0.1:3000', '[::1]:3000', '[::1]']) {
      expect(status({ host }, { login: false, readOnly: true })).toBeUndefined();
    }
  });

  it('read-only, nothing but GET and HEAD passes', () => {
    const rules = { login: true, readOnly: true };
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'BREW']) {
      expect(status({ method, fetchSite: 'same-origin' }, rules)).toBe(405);
    }
    for (const method of ['GET', 'HEAD']) expect(status({ method, fetchSite: 'cross-site' }, rules)).toBeUndefined();
  });

  it("read-write, another site's page changes nothing", () => {
    const put = (request: Partial<GuardedRequest>) =>
      status({ method: 'PUT', host: 'lake.example:8080', ...request }, { login: true, readOnly: false });
    expect(put({ fetchSite: 'same-origin', origin: 'https://lake.example' })).toBeUndefined();
    expect(put({ origin: 'http://lake.example:8080' })).toBeUndefined();
    // curl, which sends neither.
    expect(put({})).toBeUndefined();
    for (const fetchSite of ['cross-site', 'same-site', 'none']) expect(put({ fetchSite })).toBe(403);
    for (const origin of ['http://evil.example', 'http://lake.example', 'null']) expect(put({ origin })).toBe(403);
  });
});
