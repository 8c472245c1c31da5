import { beforeEach, describe, expect, it } from 'vitest';
import { acquireLease, type Lease, type LeaseBody, readLease } from '../../src/coordinator/lease.ts';
import { unlockTable } from '../../src/coordinator/unlock.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type FakeClock, fakeClock, settle } from './fake-clock.ts';
import { silent } from './table-harness.ts';

const TTL = 30_000;
const START = Date.parse('2026-03-01T12:00:00Z');
let clock: FakeClock;
let store: Storage;
beforeEach(() => {
  clock = fakeClock(START);
  store = memoryStorage('memory:table', clock);
});

const take = (run: string, storage = store) => acquireLease({ storage, clock, logger: silent, run, ttlMs: TTL });
const body = async () => (await readLease(store))?.body as LeaseBody;

/** Takes it while the time goes on: a lease that stands still is watched first. */
async function takeOver(run: string): Promise<Lease> {
  const taking = take(run);
  for (let passed = 0; passed <= TTL; passed += 1000) await clock.advance(1000);
  return taking;
}

describe('taking it', () => {
  it('counts the epoch on with each holder', async () => {
    const first = await take('r1');
    expect(await body()).toMatchObject({ epoch: 1, state: 'held', run: 'r1' });
    await first.release();
    expect(await body()).toMatchObject({ epoch: 1, state: 'released' });
    const second = await take('r2');
    expect(second).toMatchObject({ epoch: 2, overtaken: undefined });
  });

  it('is refused while another holder renews it, and says who', async () => {
    await take('r1');
    await clock.advance(5 * TTL);
    await expect(take('r2')).rejects.toMatchObject({
      code: 'LEASE_HELD',
      message: expect.stringMatching(/run r1, renewed \d+ s ago/),
    });
  });

  it('of a holder that crashed: after it stood still for its time to live, by our own clock', async () => {
    const dead = await take('r1', deaf(store).storage);
    await clock.advance(2 * TTL);
    const second = await takeOver('r2');
    expect(second).toMatchObject({ epoch: 2, overtaken: { run: 'r1', epoch: 1 } });
    expect(dead.lost.aborted).toBe(true);
  });

  it('of a holder whose clock was ahead by a day is watched, too', async () => {
    await store.put(
      '_mongolake/lease.json',
      Buffer.from(JSON.stringify({ ...(await crashedBody()), renewedAt: START + 86_400_000 })),
    );
    expect(await takeOver('r2')).toMatchObject({ epoch: 2, overtaken: { run: 'r1' } });
  });

  it('is refused where the holder moves while it is watched', async () => {
    await store.put('_mongolake/lease.json', Buffer.from(JSON.stringify(await crashedBody())));
    const taking = take('r2');
    const refused = expect(taking).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await clock.advance(5000);
    await store.put('_mongolake/lease.json', Buffer.from(JSON.stringify({ ...(await crashedBody()), nonce: 'moved' })));
    await clock.advance(2000);
    await refused;
  });

  it('with patience: a holder that renewed just now and dies is taken over, one that lives or ends in order is not', async () => {
    const patient = (run: string) =>
      acquireLease({ storage: store, clock, logger: silent, run, ttlMs: TTL, patient: true });
    const living = await take('r1');
    const refused = expect(patient('r2')).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await clock.advance(TTL / 3 + 1000);
    await refused;
    const ended = expect(patient('r3')).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await clock.advance(1000);
    await living.release();
    await clock.advance(1000);
    await ended;
    const justNow = { ...(await crashedBody()), run: 'r4', renewedAt: clock.now() };
    await store.put('_mongolake/lease.json', Buffer.from(JSON.stringify(justNow)));
    const taking = patient('r5');
    for (let passed = 0; passed <= TTL; passed += 1000) await clock.advance(1000);
    expect(await taking).toMatchObject({ overtaken: { run: 'r4' } });
  });

  it('by two at once: one has it', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => take(`r${i}`)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('keeping it', () => {
  it('survives a renewal whose answer was lost', async () => {
    let lose = false;
    const lossy: Storage = {
      ...store,
      putIfMatch: async (...args) => {
        const result = await store.putIfMatch(...args);
        if (!lose) return result;
        lose = false;
        throw new MongolakeError('STORE_UNREACHABLE', 'no answer');
      },
    };
    const lease = await take('r1', lossy);
    lose = true;
    await clock.advance(3 * TTL);
    expect(lease.lost.aborted).toBe(false);
    expect((await body()).renewedAt).toBeGreaterThan(START + 2 * TTL);
  });

  it('is lost at once where another holder took it', async () => {
    const lease = await take('r1');
    await unlockTable(store, clock);
    await clock.advance(TTL / 3);
    expect(lease.lost.reason).toMatchObject({
      code: 'LEASE_LOST',
      message: expect.stringMatching(/another holder took it/),
    });
  });

  it('is lost after its time to live where the store does not even answer', async () => {
    const { storage, listen } = deaf(store);
    const lease = await take('r1', storage);
    await clock.advance(TTL - 1);
    expect(lease.lost.aborted).toBe(false);
    await clock.advance(1);
    expect(lease.lost.reason).toMatchObject({
      code: 'LEASE_LOST',
      message: expect.stringMatching(/not be renewed in time/),
    });
    listen();
  });

  it('names the run that it works on', async () => {
    const lease = await take('r2');
    lease.worksOn('r1');
    await clock.advance(TTL / 3);
    expect(await body()).toMatchObject({ run: 'r1', epoch: 1 });
  });
});

describe('giving it back', () => {
  it('is unsettled while a commit may still come: the next holder knows', async () => {
    const first = await take('r1');
    first.unsettled();
    await first.release();
    expect(await body()).toMatchObject({ state: 'unsettled' });
    const second = await take('r2');
    expect(second.overtaken).toMatchObject({ run: 'r1' });
    // It did not come to its fence either.
    await second.release();
    expect(await body()).toMatchObject({ state: 'unsettled', epoch: 2 });
    const third = await take('r3');
    third.settled();
    await third.release();
    expect(await body()).toMatchObject({ state: 'released', epoch: 3 });
  });

  it('never fails the run, not even where the store hangs', async () => {
    const lease = await take('r1', deaf(store).storage);
    const released = lease.release();
    await clock.advance(TTL);
    await released;
    expect(await body()).toMatchObject({ state: 'held' });
  });
});

describe('unlock', () => {
  it('takes it from a holder, for the next one to fence off', async () => {
    await take('r1');
    expect(await unlockTable(store, clock)).toMatchObject({ taken: { run: 'r1', epoch: 1 } });
    expect(await take('r2')).toMatchObject({ epoch: 3, overtaken: { run: 'r1' } });
  });

  it('finds nothing to take where nobody has it', async () => {
    expect(await unlockTable(store, clock)).toEqual({ taken: undefined });
    await (await take('r1')).release();
    expect(await unlockTable(store, clock)).toEqual({ taken: undefined });
  });
});

async function crashedBody(): Promise<LeaseBody> {
  await settle();
  return {
    formatVersion: 1,
    epoch: 1,
    state: 'held',
    owner: 'host:1',
    run: 'r1',
    nonce: 'n',
    renewedAt: START - 10 * TTL,
    ttlMs: TTL,
  };
}

/** A store that takes one lease and then hears nothing: no call of its is ever answered. */
function deaf(storage: Storage): { readonly storage: Storage; listen(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const putIfMatch: Storage['putIfMatch'] = async (...args) => {
    await opened;
    return storage.putIfMatch(...args);
  };
  return { storage: { ...storage, putIfMatch }, listen: () => open() };
}
