import { hostname } from 'node:os';
import { jsonBody } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { LEASE_KEY } from '../shared/domain/keys.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** The lease object. It saves work; the log is what keeps a stale run from committing. */
export interface LeaseBody {
  readonly formatVersion: 1;
  /** Grows by one with each holder. */
  readonly epoch: number;
  readonly state: 'held' | 'released';
  /** `host:pid`, for people. */
  readonly owner: string;
  readonly run: string;
  /** New with every write, so that each is recognised and moves the etag. */
  readonly nonce: string;
  /** The holder's wall clock, epoch milliseconds. */
  readonly renewedAt: number;
  readonly ttlMs: number;
}

export interface Lease {
  readonly epoch: number;
  /** The run of a holder that neither released nor renewed its lease, and so may still be about to commit. */
  readonly crashed: LeaseBody | undefined;
  /** Aborted once another holder has the lease, or it could not be renewed for its time to live. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly run: string;
  readonly ttlMs: number;
}

interface Held {
  readonly body: LeaseBody;
  readonly etag: string;
}

/** Reads the lease, for `status`. */
export async function readLease(storage: Storage): Promise<Held | undefined> {
  const object = await storage.get(LEASE_KEY);
  return object && { body: JSON.parse(object.body.toString('utf8')) as LeaseBody, etag: object.etag };
}

/**
 * Takes the table's lease. One that was renewed lately is held: `LEASE_HELD` says by whom. One that was not is watched for its time
 * to live on our own monotonic clock, and taken over if it stood still.
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const { storage, clock } = options;
  let current = await readLease(storage);
  if (current?.body.state === 'held') {
    if (clock.now() - current.body.renewedAt < current.body.ttlMs) throw held(storage, current.body, clock.now());
    current = await watch(options, current);
  }
  const crashed = current?.body.state === 'held' ? current.body : undefined;
  const epoch = (current?.body.epoch ?? 0) + 1;
  const etag = await write(options, current?.etag, epoch, 'held');
  if (etag === undefined) {
    const winner = await readLease(storage);
    throw held(storage, winner?.body, clock.now());
  }
  return keep(options, epoch, etag, crashed);
}

/** Waits until the lease stood still for its time to live; throws `LEASE_HELD` where it moved. */
async function watch(options: LeaseOptions, seen: Held): Promise<Held | undefined> {
  const { storage, clock, logger } = options;
  logger.info(
    `the lease of ${seen.body.owner} was not renewed; waiting ${seen.body.ttlMs / 1000} s to be sure that it is gone`,
  );
  const until = clock.monotonic() + seen.body.ttlMs;
  while (clock.monotonic() < until) {
    await clock.sleep(Math.min(1000, Math.max(until - clock.monotonic(), 1)));
    const now = await readLease(storage);
    if (now?.body.state === 'released' || now === undefined) return now;
    if (now.etag !== seen.etag) throw held(storage, now.body, clock.now());
  }
  return seen;
}

async function write(
  options: LeaseOptions,
  etag: string | undefined,
  epoch: number,
  state: LeaseBody['state'],
): Promise<string | undefined> {
  const { storage, clock, run, ttlMs } = options;
  const nonce = clock.randomHex(12);
  const body: LeaseBody = {
    formatVersion: 1,
    epoch,
    state,
    owner: `${hostname()}:${process.pid}`,
    run,
    nonce,
    renewedAt: clock.now(),
    ttlMs,
  };
  const result =
    etag === undefined
      ? await storage.putIfAbsent(LEASE_KEY, jsonBody(body), nonce)
      : await storage.putIfMatch(LEASE_KEY, jsonBody(body), etag, nonce);
  return result.written ? result.etag : undefined;
}

/** Renews at a third of the time to live, until released or lost. */
function keep(options: LeaseOptions, epoch: number, first: string, crashed: LeaseBody | undefined): Lease {
  const { storage, clock, logger, ttlMs } = options;
  const stop = new AbortController();
  const lost = new AbortController();
  let etag = first;
  let renewedAt = clock.monotonic();
  const giveUp = (reason: string) => {
    lost.abort(
      new MongolakeError('LEASE_LOST', `${storage.uri}: the lease was lost: ${reason}`, {
        hint: 'Another run goes on; look at `mongolake status`.',
      }),
    );
  };
  const renew = async () => {
    while (!stop.signal.aborted && !lost.signal.aborted) {
      await clock.sleep(ttlMs / 3, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      try {
        const next = await write(options, etag, epoch, 'held');
        if (next === undefined) return giveUp('another holder took it');
        etag = next;
        renewedAt = clock.monotonic();
      } catch (error) {
        logger.warn('the lease could not be renewed', { error: (error as Error).message });
        if (clock.monotonic() - renewedAt > ttlMs) return giveUp('it could not be renewed in time');
      }
    }
  };
  const renewing = renew();
  return {
    epoch,
    crashed,
    lost: lost.signal,
    async release() {
      stop.abort();
      await renewing;
      if (!lost.signal.aborted) await write(options, etag, epoch, 'released');
    },
  };
}

function held(storage: Storage, body: LeaseBody | undefined, now: number): MongolakeError {
  const who =
    body === undefined
      ? 'another run'
      : `${body.owner} (run ${body.run}, renewed ${Math.max(0, Math.round((now - body.renewedAt) / 1000))} s ago)`;
  return new MongolakeError('LEASE_HELD', `${storage.uri}: a run is under way: the lease is held by ${who}`, {
    hint: 'Try again when it is done. A crashed run’s lease can be taken over once it was not renewed for its time to live.',
  });
}
