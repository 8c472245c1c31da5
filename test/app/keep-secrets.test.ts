import { describe, expect, test } from 'vitest';
import type { OpenedConfig } from '../../src/app/app.ts';
import { keepSecrets } from '../../src/app/keep-secrets.ts';
import type { EndingSecret, Secrets } from '../../src/shared/ports/secrets.ts';

/** What was kept, and what was warned of. */
function kept(leased: boolean | undefined, runsLong: boolean) {
  const warned: unknown[] = [];
  const asked: { signal: AbortSignal; onEnding: (ending: EndingSecret) => void }[] = [];
  const secrets: Secrets | undefined =
    leased === undefined
      ? undefined
      : {
          description: 'a store',
          leased,
          read: async () => [],
          keepAlive: async (signal, onEnding) => void asked.push({ signal, onEnding }),
        };
  const logger = { warn: (message: string, fields: unknown) => warned.push([message, fields]) };
  const { signal } = new AbortController();
  keepSecrets({ secrets, logger } as unknown as OpenedConfig, signal, runsLong);
  return { asked, warned, signal };
}

describe('the login to the store of secrets', () => {
  test.each([
    ['no store', undefined, true, 0],
    ['a short command', false, false, 0],
    ['a short command with leased values', true, false, 1],
    ['one that runs long', false, true, 1],
  ] as const)('%s', (_, leased, runsLong, times) => {
    const { asked, signal } = kept(leased, runsLong);
    expect(asked).toHaveLength(times);
    for (const one of asked) expect(one.signal).toBe(signal);
  });

  test('the end of a lease is warned of', () => {
    const { asked, warned } = kept(true, false);
    asked[0]?.onEnding({ path: 'database/creds/lake', endsIn_ms: 61_400, why: 'it is at its maximum' });
    expect(warned).toEqual([
      [
        'what Vault gave at database/creds/lake ends, and is not renewed any more: it is at its maximum',
        { endsInSeconds: 61, hint: expect.stringContaining('start this process again') },
      ],
    ]);
  });
});
