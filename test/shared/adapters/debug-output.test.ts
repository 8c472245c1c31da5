import { describe, expect, test } from 'vitest';
import { isDebugging, refuseDebugOutput } from '../../../src/shared/adapters/debug-output.ts';

describe('DEBUG', () => {
  test.each([
    ['node-vault', true],
    ['*', true],
    ['node-*', true],
    ['*vault', true],
    ['no*va*t', true],
    ['express,node-vault', true],
    ['express  node-vault', true],
    ['express, *', true],
    ['*,-node-vault', false],
    ['-node-vault,*', false],
    ['-node-*,node-vault', false],
    ['-other,*', true],
    ['', false],
    [' , ', false],
    ['express', false],
    ['node-vault:x', false],
    ['node-vaul', false],
    ['node.vault', false],
    ['-node-vault', false],
    ['Node-Vault', false],
  ])('%j turns node-vault on: %s', (debug, expected) => {
    expect(isDebugging(debug, 'node-vault')).toBe(expected);
  });

  test.each(['*', 'node-vault', 'follow-redirects', 'https-proxy-agent', 'https-*', '*,-node-vault'])(
    '%s is refused where Vault is used',
    (DEBUG) => {
      expect(() => refuseDebugOutput({ DEBUG }, 'vault')).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('Unset DEBUG') }),
      );
    },
  );

  test.each([
    undefined,
    '',
    'bullmq',
    'ioredis:*',
    '*,-node-vault,-follow-redirects,-https-proxy-agent,-https-proxy-agent:agent',
  ])('%j is not', (DEBUG) => {
    expect(() => refuseDebugOutput({ DEBUG }, 'vault')).not.toThrow();
  });

  test('for Redis, what prints every command', () => {
    expect(() => refuseDebugOutput({ DEBUG: 'ioredis:*' }, 'redis')).toThrow(/DEBUG .*ioredis:redis/);
    expect(() => refuseDebugOutput({ DEBUG: 'node-vault,ioredis:connection' }, 'redis')).not.toThrow();
  });
});

describe('NODE_DEBUG', () => {
  test.each(['http', 'HTTPS', 'fs,http', 'fs, Http', 'ht*', '*'])('%s is refused where Vault is used', (NODE_DEBUG) => {
    expect(() => refuseDebugOutput({ NODE_DEBUG }, 'vault')).toThrow(/NODE_DEBUG .*would print secrets/);
  });

  test.each([undefined, '', 'fs', 'http2', 'cluster,net'])('%j is not', (NODE_DEBUG) => {
    expect(() => refuseDebugOutput({ NODE_DEBUG }, 'vault')).not.toThrow();
  });
});
