import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { probeConditionalWrites } from '../../../src/shared/probe.ts';
import { failureOf, isPut, s3Bench } from '../../contracts/storage-s3-bench.ts';
import { type Fault, s3ErrorAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();

describe('a conditional put whose answer is lost', () => {
  it('is found to have been written', async () => {
    bench.failFirst(isPut, 'lose');
    const result = await bench.storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1');
    expect(result).toEqual({ written: true, etag: (await bench.storage.get('log/1'))?.etag });
    expect(bench.fake.requests.filter(isPut)).toHaveLength(1);
  });

  it('is found to have been written where only a later try is answered, with 412', async () => {
    // The read-back after the lost answer fails too, so the put is tried again.
    const faults: Record<string, Fault[]> = { PUT: ['lose'], GET: [s3ErrorAnswer(503, 'SlowDown')] };
    bench.fake.fault = (request) => faults[request.method]?.shift() ?? 'pass';
    const result = await bench.storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1');
    expect(result.written).toBe(true);
    expect(bench.fake.requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'PUT', 'GET']);
  });

  it('is written by a later try where the first never arrived', async () => {
    bench.failFirst(isPut, (response) => response.destroy(), s3ErrorAnswer(503, 'SlowDown'));
    expect((await bench.storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1')).written).toBe(true);
    expect(bench.fake.objects.get('table/log/1')?.toString()).toBe('by w1');
  });

  it('is written by a later try where the first was never answered', async () => {
    bench.failFirst(isPut, 'hang');
    const storage = bench.open({ requestTimeoutMs: 1000 });
    expect((await storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1')).written).toBe(true);
  });

  it('is found to have been lost to another writer', async () => {
    bench.failFirst(isPut, (response) => {
      bench.fake.objects.set('table/log/1', Buffer.from('by w2'));
      response.destroy();
    });
    expect(await bench.storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1')).toEqual({ written: false });
    expect(bench.fake.objects.get('table/log/1')?.toString()).toBe('by w2');
  });

  it('is found to have replaced the version', async () => {
    const { etag } = await bench.storage.put('lease', Buffer.from('w1'));
    bench.failFirst(isPut, 'lose');
    const result = await bench.storage.putIfMatch('lease', Buffer.from('w2'), etag, 'w2');
    expect(result).toEqual({ written: true, etag: (await bench.storage.get('lease'))?.etag });
  });

  it('replaces the version by a later try where the first never arrived', async () => {
    const { etag } = await bench.storage.put('lease', Buffer.from('w1'));
    bench.failFirst(isPut, s3ErrorAnswer(500, 'InternalError'));
    expect((await bench.storage.putIfMatch('lease', Buffer.from('w2'), etag, 'w2')).written).toBe(true);
    expect(bench.fake.objects.get('table/lease')?.toString()).toBe('w2');
  });

  it('stays unknown, never "no", where the store can not be asked any more', async () => {
    bench.fake.fault = (request) => (isPut(request) ? 'lose' : 'hang');
    const error = await failureOf(bench.hasty.putIfAbsent('log/1', Buffer.from('by w1'), 'w1'));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
    expect(error.message).toContain('may or may not have been written');
    expect(bench.fake.objects.has('table/log/1')).toBe(true);
  });

  it('does not take a 412 for a "no" where the object can not be read back', async () => {
    bench.fake.objects.set('table/log/1', Buffer.from('by w1'));
    bench.fake.fault = (request) => (isPut(request) ? 'pass' : s3ErrorAnswer(503, 'SlowDown'));
    const error = await failureOf(bench.storage.putIfAbsent('log/1', Buffer.from('by w1'), 'w1'));
    expect(error.code).toBe('STORE_UNREACHABLE');
  });
});

describe('a conditional put that meets another', () => {
  it('is tried again after 409', async () => {
    const conflict = s3ErrorAnswer(409, 'ConditionalRequestConflict');
    bench.failFirst(isPut, conflict, conflict, conflict, conflict);
    expect((await bench.storage.putIfAbsent('log/1', Buffer.from('w1'), 'w1')).written).toBe(true);
    expect(bench.fake.requests.filter(isPut)).toHaveLength(5);
  });

  it('gives up where the conflict never ends', async () => {
    bench.fake.fault = (request) => (isPut(request) ? s3ErrorAnswer(409, 'ConditionalRequestConflict') : 'pass');
    const error = await failureOf(bench.storage.putIfAbsent('log/1', Buffer.from('w1'), 'w1'));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(error.message).toContain('ConditionalRequestConflict');
  });

  it('is tried again where what was in the way is gone', async () => {
    bench.failFirst(isPut, s3ErrorAnswer(412, 'PreconditionFailed'));
    expect((await bench.storage.putIfAbsent('lease', Buffer.from('w1'), 'w1')).written).toBe(true);
  });
});

describe('the probe', () => {
  it('passes a store that honours both conditions', async () => {
    await probeConditionalWrites(bench.storage, systemClock());
    expect(bench.fake.objects.size).toBe(0);
  });

  it.each([
    ['if-none-match', 'If-None-Match: it accepted a second object'],
    ['if-match', 'If-Match: it accepted a version that was replaced'],
  ] as const)('refuses a store that ignores %s, and cleans up', async (condition, message) => {
    bench.fake.ignored.add(condition);
    const error = await failureOf(probeConditionalWrites(bench.storage, systemClock()));
    expect(error).toMatchObject({ code: 'STORE_UNCONDITIONAL', exitCode: 77 });
    expect(error.message).toContain(message);
    expect(error.message).toContain('s3://lake/table');
    expect(bench.fake.objects.size).toBe(0);
  });

  it('refuses a store that does not know the conditions', async () => {
    bench.failFirst(isPut, s3ErrorAnswer(501, 'NotImplemented'));
    const error = await failureOf(probeConditionalWrites(bench.storage, systemClock()));
    expect(error.code).toBe('STORE_UNCONDITIONAL');
  });

  it('refuses a store that writes what it says it refused', async () => {
    let puts = 0;
    bench.fake.fault = (request) => {
      puts += isPut(request) ? 1 : 0;
      if (puts !== 4 || !isPut(request)) return 'pass';
      bench.fake.objects.set(request.key, request.body);
      return s3ErrorAnswer(412, 'PreconditionFailed');
    };
    // The stale write is found in the object, so it even looks as if it had been accepted.
    expect((await failureOf(probeConditionalWrites(bench.storage, systemClock()))).code).toBe('STORE_UNCONDITIONAL');
  });

  it('throws the store’s own error where the store fails', async () => {
    bench.fake.fault = () => s3ErrorAnswer(403, 'AccessDenied');
    expect((await failureOf(probeConditionalWrites(bench.storage, systemClock()))).code).toBe('STORE_REFUSED');
  });
});
