import { describe, expect, test } from 'vitest';
import { isDebugging, refuseDebugOutput } from '../../../src/shared/adapters/secrets-vault-debug.ts';

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
    '%s is refused',
    (debug) => {
      expect(() => refuseDebugOutput(debug)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('Unset DEBUG') }),
      );
    },
  );

  test.each([undefined, '', 'bullmq', '*,-node-vault,-follow-redirects,-https-proxy-agent*'])('%j is not', (debug) => {
    expect(() => refuseDebugOutput(debug)).not.toThrow();
  });
});
