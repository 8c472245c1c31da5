import { describe, expect, test } from 'vitest';
import type { Schedule } from '../../src/shared/domain/schedule.ts';
import { house, MINUTE, SECOND } from './daemon-house.ts';

describe('a table that follows a change stream', () => {
  const BEAT: Schedule = { kind: 'every', every_ms: 10 * SECOND };

  test('is asked on its beat, and synced where it has work; nothing is said where it has none', async () => {
    const { clock, start, table, follows, lines } = house();
    const runs = table('a', BEAT);
    const asked = follows('a', () => clock.now() % MINUTE === 20 * SECOND);
    const daemon = start();
    await clock.advance(55 * SECOND);
    expect(asked).toEqual([0, 10, 20, 30, 40, 50].map((second) => second * SECOND));
    expect(runs).toEqual([20 * SECOND]);
    expect(lines.map(({ message }) => message)).toEqual(['scheduled', 'in step, nothing new']);
    await daemon.stop();
  });

  test('a run that takes longer than the beat is no tick that was skipped', async () => {
    const { clock, start, table, follows, lines } = house();
    const runs = table('a', BEAT, () => clock.sleep(35 * SECOND));
    follows('a', () => true);
    const daemon = start();
    await clock.advance(45 * SECOND);
    expect(runs).toEqual([0, 40 * SECOND]);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await daemon.stop();
  });
});
