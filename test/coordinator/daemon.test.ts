import { describe, expect, test } from 'vitest';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Schedule } from '../../src/shared/domain/schedule.ts';
import { house, MINUTE, SECOND, VERIFIED } from './daemon-house.ts';
import { settle } from './fake-clock.ts';

const QUARTER: Schedule = { kind: 'every', every_ms: 15 * MINUTE };

describe('beats', () => {
  test('an interval runs at once and then on its beat, however long a run takes', async () => {
    const { clock, start, table } = house();
    const runs = table('a', QUARTER, () => clock.sleep(4 * MINUTE));
    const daemon = start();
    await clock.advance(46 * MINUTE);
    expect(runs).toEqual([0, 15 * MINUTE, 30 * MINUTE, 45 * MINUTE]);
    await daemon.stop(5 * MINUTE);
  });

  test('a cron expression waits for its time; none never comes up', async () => {
    const { clock, start, table } = house();
    const nightly = table('nightly', { kind: 'cron', expression: '0 3 * * *' });
    const never = table('never', { kind: 'none' });
    const daemon = start();
    await clock.advance(40 * 60 * MINUTE);
    expect(nightly).toEqual([15 * 60 * MINUTE, 39 * 60 * MINUTE]);
    expect(never).toEqual([]);
    await daemon.stop();
  });

  test('a tick whose run before still goes on is skipped, and the log says so', async () => {
    const { clock, start, table, lines } = house();
    const runs = table('slow', QUARTER, () => clock.sleep(20 * MINUTE));
    const daemon = start();
    await clock.advance(31 * MINUTE);
    expect(runs).toEqual([0, 30 * MINUTE]);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      { level: 'warn', message: 'the tick is skipped: the run before it still goes on', table: 'slow' },
    ]);
    await daemon.stop(20 * MINUTE);
  });

  test('a machine that slept catches up with one run, and the beat is as before', async () => {
    const { clock, start, table } = house();
    const runs = table('a', QUARTER);
    let rests = 0;
    const sleep = clock.sleep;
    // The first rest after the tables are known takes an hour and a minute, as where the lid was closed.
    clock.sleep = (ms, signal) => sleep(++rests === 2 ? 61 * MINUTE : ms, signal);
    const daemon = start();
    await clock.advance(76 * MINUTE);
    expect(runs).toEqual([0, 61 * MINUTE, 75 * MINUTE]);
    await daemon.stop();
  });
});

describe('runs', () => {
  test('no more at once than allowed; the others wait their turn, in order', async () => {
    const { clock, start, table } = house();
    let running = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++running);
      await clock.sleep(10 * SECOND);
      running--;
    };
    const started = ['a', 'b', 'c', 'd', 'e'].map((name) => table(name, QUARTER, run));
    const daemon = start({ maxConcurrentRuns: 2 });
    await clock.advance(MINUTE);
    expect(most).toBe(2);
    expect(started.flat()).toEqual([0, 0, 10 * SECOND, 10 * SECOND, 20 * SECOND]);
    await daemon.stop();
  });

  test('a tick that comes while a table waits for its turn is skipped, not queued twice', async () => {
    const { clock, start, table, lines } = house();
    table('long', { kind: 'every', every_ms: 24 * 60 * MINUTE }, () => clock.sleep(31 * MINUTE));
    const runs = table('waiting', QUARTER);
    const daemon = start({ maxConcurrentRuns: 1 });
    await clock.advance(32 * MINUTE);
    expect(runs).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'warn').map((line) => line.table)).toEqual(['waiting', 'waiting']);
    await daemon.stop();
  });

  test('one that fails is logged with its code, and no other table suffers; a reason that passes is tried again before the next tick', async () => {
    const { clock, start, table, lines } = house();
    const bad = table('bad', QUARTER, async () => {
      throw new MongolakeError('STORE_UNREACHABLE', 'the store does not answer', { hint: 'Look at it.' });
    });
    const broken = table('broken', QUARTER, () => {
      throw new TypeError('a bug');
    });
    const good = table('good', QUARTER);
    const daemon = start();
    await clock.advance(16 * MINUTE);
    expect(bad.map((at) => at / MINUTE)).toEqual([0, 1, 3, 7, 15]);
    expect([broken, good].map((runs) => runs.length)).toEqual([2, 2]);
    expect(lines).toContainEqual({
      level: 'error',
      message: 'the store does not answer',
      table: 'bad',
      code: 'STORE_UNREACHABLE',
      hint: 'Look at it.',
      retryable: true,
    });
    expect(lines.filter(({ level, table: name }) => level === 'error' && name === 'broken')).toHaveLength(2);
    await daemon.stop();
  });

  test('a lease that another run holds is no error', async () => {
    const { clock, start, table, lines } = house();
    table('held', QUARTER, async () => {
      throw new MongolakeError('LEASE_HELD', 'another run is under way');
    });
    const daemon = start();
    await clock.advance(SECOND);
    expect(lines.find(({ code }) => code === 'LEASE_HELD')?.level).toBe('info');
    await daemon.stop();
  });
});

describe('stopping', () => {
  test('waits for the runs that go on, and tells them', async () => {
    const { clock, start, table } = house();
    let told = false;
    let ended = false;
    table('a', QUARTER, async (signal) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      await clock.sleep(3 * SECOND);
      ended = true;
    });
    const daemon = start();
    await clock.advance(SECOND);
    daemon.abort();
    await clock.advance(SECOND);
    expect([told, ended, daemon.isOver()]).toEqual([true, false, false]);
    await clock.advance(2 * SECOND);
    expect([ended, daemon.isOver()]).toEqual([true, true]);
  });

  test('starts nothing that only waited for its turn', async () => {
    const { clock, start, table } = house();
    table('a', QUARTER, () => clock.sleep(3 * SECOND));
    const waiting = table('b', QUARTER);
    const daemon = start({ maxConcurrentRuns: 1 });
    await clock.advance(SECOND);
    await daemon.stop(5 * SECOND);
    expect(waiting).toEqual([]);
  });

  test('ends a rest at once', async () => {
    const { start } = house();
    const daemon = start();
    await settle();
    daemon.abort();
    await settle();
    expect(daemon.isOver()).toBe(true);
  });
});

describe('the list of tables', () => {
  test('is asked for again: a new collection gets its table, one that is gone is let go, the others keep their beat', async () => {
    const { clock, start, table, tables } = house();
    const stays = table('stays', QUARTER);
    const goes = table('goes', QUARTER);
    const daemon = start();
    await clock.advance(5 * MINUTE);
    tables.delete('goes');
    const comes = table('comes', QUARTER);
    await clock.advance(12 * MINUTE);
    expect([stays.length, goes.length, comes.length]).toEqual([2, 1, 1]);
    expect(stays).toEqual([0, 15 * MINUTE]);
    await daemon.stop();
  });

  test.each(['SOURCE_UNREACHABLE', 'SOURCE_MISSING'] as const)(
    'one that can not be told later on (%s) is told of, and the tables known go on',
    async (code) => {
      const { clock, start, table, lines, fail } = house();
      const runs = table('a', QUARTER);
      const daemon = start();
      await clock.advance(SECOND);
      fail(new MongolakeError(code, 'no list'));
      await clock.advance(16 * MINUTE);
      expect(runs).toHaveLength(2);
      expect(lines).toContainEqual({ level: 'error', message: 'the collections could not be listed: no list', code });
      await daemon.stop();
    },
  );

  test('one that is never told holds up neither the loop nor the tables known, nor the end', async () => {
    const { clock, start, table, hang, lookedAt_ms } = house();
    const runs = table('a', QUARTER);
    const daemon = start();
    await clock.advance(SECOND);
    hang();
    await clock.advance(30 * MINUTE);
    expect(lookedAt_ms()).toBe(30 * MINUTE + SECOND);
    expect(runs).toHaveLength(3);
    daemon.abort();
    await settle();
    expect(daemon.isOver()).toBe(true);
  });

  test('one that is never told at the start: the loop goes on all the same', async () => {
    const { clock, start, hang, lookedAt_ms } = house();
    hang();
    const daemon = start();
    await clock.advance(5 * MINUTE);
    expect(lookedAt_ms()).toBe(5 * MINUTE);
    await daemon.stop();
  });

  test('one that can not be told at the start ends the daemon, unless waiting may help', async () => {
    const refused = house();
    refused.fail(new MongolakeError('SOURCE_REFUSED', 'no right to list'));
    await expect(refused.start().over).rejects.toThrow('no right to list');

    const away = house();
    const runs = away.table('a', QUARTER);
    away.fail(new MongolakeError('SOURCE_UNREACHABLE', 'no answer'));
    const daemon = away.start();
    await away.clock.advance(SECOND);
    away.fail(undefined);
    await away.clock.advance(2 * MINUTE);
    expect(runs).toHaveLength(1);
    await daemon.stop();
  });
});

describe('verifications', () => {
  test('have a beat of their own beside the runs, and say what they found', async () => {
    const { clock, start, table, verification, lines } = house();
    const runs = table('a', QUARTER);
    const found = { ...VERIFIED, differences: { missing: 1, stale: 0, gone: 2 } };
    const results = [VERIFIED, undefined, found];
    const verified = verification('a', { kind: 'every', every_ms: 10 * MINUTE }, async () => results.shift());
    const daemon = start();
    await clock.advance(21 * MINUTE);
    expect(runs).toEqual([0, 15 * MINUTE]);
    expect(verified).toEqual([0, 10 * MINUTE, 20 * MINUTE]);
    const said = lines.filter(({ message }) => message.startsWith('verified'));
    expect(said).toMatchObject([
      { message: 'verified: equal', table: 'a', rows: 10 },
      { message: 'verified: differs', table: 'a', missing: 1, gone: 2 },
    ]);
    await daemon.stop();
  });

  test('take no place of runs, and come one after the other', async () => {
    const { clock, start, table, verification } = house();
    const hours = () => clock.sleep(60 * MINUTE).then(() => VERIFIED);
    const verified = ['a', 'b'].map((name) => {
      table(name, { kind: 'none' });
      return verification(name, { kind: 'every', every_ms: 600 * MINUTE }, hours);
    });
    const runs = table('c', QUARTER);
    const daemon = start({ maxConcurrentRuns: 2 });
    await clock.advance(65 * MINUTE);
    expect(runs).toEqual([0, 15, 30, 45, 60].map((minutes) => minutes * MINUTE));
    expect(verified.map((times) => times.length)).toEqual([1, 1]);
    expect(verified[1]?.[0]).toBeGreaterThanOrEqual(60 * MINUTE);
    await daemon.stop(60 * MINUTE);
  });

  test('that fail for a reason that passes are tried again, and hold up no run', async () => {
    const { clock, start, table, verification } = house();
    const runs = table('a', QUARTER);
    const verified = verification('a', { kind: 'every', every_ms: 24 * 60 * MINUTE }, async () => {
      throw new MongolakeError('SOURCE_UNREACHABLE', 'away');
    });
    const daemon = start();
    await clock.advance(4 * MINUTE);
    expect(verified.length).toBeGreaterThan(1);
    expect(runs).toEqual([0]);
    await daemon.stop();
  });
});
