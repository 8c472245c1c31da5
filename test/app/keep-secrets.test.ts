import { describe, expect, it } from 'vitest';
import type { OpenedConfig } from '../../src/app/app.ts';
import { keepSecrets } from '../../src/app/keep-secrets.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import type { EndingSecret } from '../../src/shared/ports/secrets.ts';
import { fakeClock, settle } from '../coordinator/fake-clock.ts';
import { silent } from '../coordinator/table-harness.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** An app whose store of secrets is looked after; `fails` lets refreshes fail. */
function house({ leased = false, refreshInterval = 5 * MINUTE } = {}) {
  const clock = fakeClock(0);
  const refreshedAt_s: number[] = [];
  const lines: string[] = [];
  const logger: Logger = { ...silent, info: (text) => lines.push(text), warn: (text) => lines.push(text) };
  const ended = new AbortController();
  let tell: ((ending: EndingSecret) => void) | undefined;
  let fails = 0;
  const app = {
    clock,
    logger,
    config: { vault: { refreshInterval } },
    secrets: {
      leased,
      keepAlive: async (_: AbortSignal, onEnding: typeof tell) => {
        tell = onEnding;
      },
    },
    async refresh() {
      refreshedAt_s.push(clock.now() / SECOND);
      if (fails-- > 0) throw new MongolakeError('VAULT_SEALED', 'sealed');
      return true;
    },
  } as unknown as OpenedConfig;
  return {
    clock,
    refreshedAt_s,
    lines,
    keep: (runsLong: boolean) => keepSecrets(app, ended.signal, runsLong),
    end: () => ended.abort(),
    ends: (path: string) => tell?.({ path, endsIn_ms: 10 * SECOND, why: 'it is at its maximum' }),
    fail: (times: number) => {
      fails = times;
    },
  };
}

describe('secrets of a process', () => {
  it('that runs long are read anew at each interval, until the end', async () => {
    const { keep, clock, refreshedAt_s, end, lines } = house();
    keep(true);
    await clock.advance(11 * MINUTE);
    expect(refreshedAt_s).toEqual([300, 600]);
    expect(lines).toEqual(Array(2).fill('secrets have changed: new connections take them'));
    end();
    await settle();
    await clock.advance(60 * MINUTE);
    expect(refreshedAt_s).toEqual([300, 600]);
  });

  it('are read anew at once where a lease comes to its end, also of what does not run long', async () => {
    const { keep, clock, refreshedAt_s, ends, lines } = house({ leased: true });
    keep(false);
    await clock.advance(42 * MINUTE);
    expect(refreshedAt_s).toEqual([]);
    ends('database/creds/reader');
    await settle();
    await settle();
    expect(refreshedAt_s).toEqual([42 * 60]);
    expect(lines[0]).toContain('what Vault gave at database/creds/reader ends: it is at its maximum');
    ends('aws/creds/lake');
    await settle();
    await settle();
    expect(refreshedAt_s).toHaveLength(2);
  });

  it('that could not be read are tried again soon; what is open goes on', async () => {
    const { keep, clock, refreshedAt_s, fail, lines } = house();
    keep(true);
    fail(2);
    await clock.advance(6 * MINUTE);
    expect(refreshedAt_s).toEqual([300, 315, 330]);
    expect(lines.filter((line) => line.includes('could not be read anew'))).toHaveLength(2);
  });

  it('are left alone where nothing is leased and nothing runs long', async () => {
    const { keep, clock, refreshedAt_s } = house();
    keep(false);
    await clock.advance(24 * 60 * MINUTE);
    expect(refreshedAt_s).toEqual([]);
  });
});
