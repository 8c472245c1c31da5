import { describe, expect, it } from 'vitest';
import { proxiedViewer } from '../../../src/shared/adapters/dashboard-proxy.ts';

describe('whom a proxy names', () => {
  const viewer = proxiedViewer({ header: 'X-Forwarded-Email', trusted: ['10.0.3.7', '192.168.0.0/16', 'fd00::/8'] });
  const from = (address: string | undefined, ...rawHeaders: string[]) => viewer({ address, rawHeaders });
  const ANN = ['Host', 'lake.example', 'x-forwarded-email', ' ann@example.com '];

  it('is believed of a trusted address, also where IPv4 comes as IPv6', () => {
    for (const address of ['10.0.3.7', '::ffff:10.0.3.7', '192.168.9.9', 'fd12::1']) {
      expect([address, from(address, ...ANN)]).toEqual([address, 'ann@example.com']);
    }
  });

  it('is believed of no other', () => {
    for (const address of ['10.0.3.8', '127.0.0.1', '::1', '192.169.0.1', 'fe80::1', 'nonsense', undefined]) {
      expect([address, from(address, ...ANN)]).toEqual([address, undefined]);
    }
  });

  it('is nobody without the header, without a name, or with two: a visitor may have sent one of them', () => {
    expect(from('10.0.3.7', 'Host', 'x-forwarded-email')).toBeUndefined();
    expect(from('10.0.3.7', 'X-Forwarded-Email', '  ')).toBeUndefined();
    expect(from('10.0.3.7', 'X-Forwarded-Email', 'eve@example.com', ...ANN)).toBeUndefined();
    expect(from('10.0.3.7', 'X-Forwarded-Email', 'eve@example.com, ann@example.com')).toBeUndefined();
    expect(from('10.0.3.7', 'X-Forwarded-Email', 'a'.repeat(321))).toBeUndefined();
  });
});
