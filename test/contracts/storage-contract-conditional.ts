import { expect, it } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import type { PutIfResult, Storage } from '../../src/shared/ports/storage.ts';
import { probeConditionalWrites } from '../../src/shared/probe.ts';
import { bodyOf, keysOf, race, writerNames } from './storage-contract-tools.ts';

/** What `putIfAbsent` promises. */
export function putIfAbsentContract(storage: () => Storage): void {
  it('creates an object once, and tells the second writer', async () => {
    const first = await storage().putIfAbsent('log/1', Buffer.from('by w1'), 'w1');
    expect(first.written).toBe(true);
    expect(await storage().putIfAbsent('log/1', Buffer.from('by w2'), 'w2')).toEqual({ written: false });
    const found = await storage().get('log/1');
    expect(found?.body.toString()).toBe('by w1');
    expect(first).toEqual({ written: true, etag: found?.etag });
  });

  it('reports a writer’s own repeat as written', async () => {
    const first = await storage().putIfAbsent('log/1', Buffer.from('by w1'), 'w1');
    expect(await storage().putIfAbsent('log/1', Buffer.from('by w1, again'), 'w1')).toEqual(first);
    expect((await storage().get('log/1'))?.body.toString()).toBe('by w1');
  });

  it('lets exactly one of 20 racing writers create the object', async () => {
    const results = await race(20, (writer) => storage().putIfAbsent('log/1', bodyOf(writer), writer));
    const winners = [...results].filter(([, result]) => result.written).map(([writer]) => writer);
    expect(winners).toHaveLength(1);
    expect((await storage().get('log/1'))?.body).toEqual(bodyOf(winners[0] ?? ''));
  });

  it('refuses a body in which its writer could not be found', async () => {
    await expect(storage().putIfAbsent('a', Buffer.from('x'), 'w1')).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(storage().putIfAbsent('a', Buffer.from('x'), '')).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(storage().putIfMatch('a', Buffer.from('x'), '"1"', 'w1')).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await keysOf(storage())).toEqual([]);
  });

  it('can be created again after it was deleted', async () => {
    await storage().putIfAbsent('a', Buffer.from('w1'), 'w1');
    await storage().delete(['a']);
    expect((await storage().putIfAbsent('a', Buffer.from('w2'), 'w2')).written).toBe(true);
  });
}

/** What `putIfMatch` promises. */
export function putIfMatchContract(storage: () => Storage): void {
  it('replaces only the version that it names', async () => {
    const { etag: first } = await storage().put('lease', Buffer.from('w1'));
    const second = await storage().putIfMatch('lease', Buffer.from('w2'), first, 'w2');
    expect(second.written).toBe(true);
    expect(await storage().putIfMatch('lease', Buffer.from('w3'), first, 'w3')).toEqual({ written: false });
    const found = await storage().get('lease');
    expect(found?.body.toString()).toBe('w2');
    expect(second).toEqual({ written: true, etag: found?.etag });
  });

  it('reports a writer’s own repeat as written', async () => {
    const { etag } = await storage().put('lease', Buffer.from('w1'));
    const second = await storage().putIfMatch('lease', Buffer.from('w2'), etag, 'w2');
    expect(await storage().putIfMatch('lease', Buffer.from('w2'), etag, 'w2')).toEqual(second);
  });

  it('does not create an object', async () => {
    const { etag } = await storage().put('other', Buffer.from('w1'));
    expect(await storage().putIfMatch('dir/lease', Buffer.from('w2'), etag, 'w2')).toEqual({ written: false });
    expect(await keysOf(storage())).toEqual(['other']);
  });

  it('lets exactly one of 20 racing writers replace a version', async () => {
    const { etag } = await storage().put('lease', Buffer.from('first'));
    const results = await race(20, (writer) => storage().putIfMatch('lease', bodyOf(writer), etag, writer));
    const winners = [...results].filter(([, result]) => result.written).map(([writer]) => writer);
    expect(winners).toHaveLength(1);
    expect((await storage().get('lease'))?.body).toEqual(bodyOf(winners[0] ?? ''));
  });

  it('lets each of 5 writers that keep trying replace the other’s version once', async () => {
    await storage().put('counter', Buffer.from('[]'));
    const add = async (writer: string): Promise<PutIfResult> => {
      for (;;) {
        const found = await storage().get('counter');
        if (found === undefined) throw new Error('the counter is gone');
        const next = Buffer.from(JSON.stringify([...JSON.parse(found.body.toString()), writer]));
        const result = await storage().putIfMatch('counter', next, found.etag, writer);
        if (result.written) return result;
      }
    };
    await race(5, add);
    const writers: string[] = JSON.parse((await storage().get('counter'))?.body.toString() ?? '');
    expect(writers.sort()).toEqual(writerNames(5));
  });

  it('passes the probe, which leaves nothing behind', async () => {
    await probeConditionalWrites(storage(), systemClock());
    expect(await keysOf(storage())).toEqual([]);
  });
}
