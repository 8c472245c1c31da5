import { hostname } from 'node:os';
import { findJson, jsonBody } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { LEASE_KEY } from '../shared/domain/keys.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { within } from '../shared/within.ts';
import { progressOf, progressText, readStaged } from './run-progress.ts';

/** The lease object. It saves work; the log is what keeps a stale run from committing. */
export interface LeaseBody {
  readonly formatVersion: 1;
  /** Grows by one with each holder. */
  readonly epoch: number;
  /** `unsettled`: nobody holds it, but what its last run could still commit is to be fenced off first. */
  readonly state: 'held' | 'released' | 'unsettled';
  /** `host:pid`, for people. */
  readonly owner: string;
  readonly run: string;
  /** New with every write, so that each is recognised and moves the etag. */
  readonly nonce: string;
  /** The holder's wall clock, epoch milliseconds. */
  readonly renewedAt: number;
  readonly ttlMs: number;
  /** Runs that were planned under a smaller epoch are over, whatever of them is staged: a request that was long under way may bring it back. */
  readonly floor?: number;
}

export interface Lease {
  readonly epoch: number;
  /** What an earlier holder left whose run may still be about to commit: it did not renew, or does not know what became of its commit. */
  readonly overtaken: LeaseBody | undefined;
  /** Aborted once another holder has the lease, or it could not be renewed for its time to live. */
  readonly lost: AbortSignal;
  /** As the holders before left it. */
  readonly floor: number;
  /** Says, with the next write of the lease, that runs of smaller epochs are over. Never goes down. */
  raiseFloor(epoch: number): void;
  /** Names the run that the holder works on, from the next renewal on: one that it took up is not its own. */
  worksOn(run: string): void;
  /** From here on, until `settled`, something may become visible later: whoever has the lease next fences it off. */
  unsettled(): void;
  /** What this holder or those before it could commit is committed, or never will be. */
  settled(): void;
  /** Throws `LEASE_LOST`, with `cause`, where the store says that the lease is another's by now; not where it can't tell. */
  assertHeld(cause?: unknown): Promise<void>;
  /** Gives it back. Never rejects: where the store can't be told, it expires. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly run: string;
  readonly ttlMs: number;
  /** Ends the wait for a lease that may have expired. */
  readonly signal?: AbortSignal;
  /** Watches a holder that renewed lately, too: it may have died since. */
  readonly patient?: boolean;
}

/** The lease as it is in the store. */
export interface StoredLease {
  readonly body: LeaseBody;
  readonly etag: string;
}

/** Reads the lease; `undefined` where nobody ever had it. */
export async function readLease(storage: Storage): Promise<StoredLease | undefined> {
  return findJson<LeaseBody>(storage, LEASE_KEY);
}

/** `host:pid` of this process. */
function leaseOwner(): string {
  return `${hostname()}:${process.pid}`;
}

/**
 * Takes the table's lease. One that was renewed lately is held: `LEASE_HELD` says by whom, at once unless `patient`. One that was not is
 * watched for its time to live on our own monotonic clock, and taken over if it stood still.
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const { storage, clock, patient = false } = options;
  let current = await readLease(storage);
  if (current?.body.state === 'held') {
    // A holder whose clock was ahead would be alive for as long, by ours: it is watched, too.
    const ageMs = clock.now() - current.body.renewedAt;
    const renewedLately = ageMs >= 0 && ageMs < current.body.ttlMs;
    if (renewedLately && !patient) throw await held(storage, current.body, clock.now());
    const seen = current;
    current = await watch(options, seen);
    // Its holder has just ended a run in order: there is nothing to take over.
    if (renewedLately && current?.body.state === 'released') throw await held(storage, seen.body, clock.now());
  }
  const overtaken = current === undefined || current.body.state === 'released' ? undefined : current.body;
  const epoch = (current?.body.epoch ?? 0) + 1;
  const sentAt = clock.monotonic();
  const floor = current?.body.floor ?? 0;
  const etag = await write(options, current?.etag, bodyOf(options, { epoch, floor, state: 'held' }));
  if (etag === undefined) throw await held(storage, (await readLease(storage))?.body, clock.now());
  return keep(options, { epoch, floor, etag, sentAt, overtaken });
}

/** Waits until the lease stood still for its time to live; throws `LEASE_HELD` where it moved. */
async function watch(options: LeaseOptions, seen: StoredLease): Promise<StoredLease | undefined> {
  const { storage, clock, logger, signal } = options;
  const seconds = seen.body.ttlMs / 1000;
  logger.info(
    `the lease of ${seen.body.owner} is watched for ${seconds} s: where it is not renewed, its holder is gone`,
  );
  const until = clock.monotonic() + seen.body.ttlMs;
  while (clock.monotonic() < until) {
    await clock.sleep(Math.min(1000, Math.max(until - clock.monotonic(), 1)), signal);
    const now = await readLease(storage);
    if (now === undefined || now.body.state !== 'held') return now;
    if (now.etag !== seen.etag) throw await held(storage, now.body, clock.now());
  }
  return seen;
}

function bodyOf(
  { clock, run, ttlMs }: LeaseOptions,
  facts: { readonly epoch: number; readonly floor: number; readonly state: LeaseBody['state'] },
): LeaseBody {
  const nonce = clock.randomHex(12);
  return { formatVersion: 1, ...facts, owner: leaseOwner(), run, nonce, renewedAt: clock.now(), ttlMs };
}

async function write(
  { storage }: Pick<LeaseOptions, 'storage'>,
  etag: string | undefined,
  body: LeaseBody,
): Promise<string | undefined> {
  const result =
    etag === undefined
      ? await storage.putIfAbsent(LEASE_KEY, jsonBody(body), body.nonce)
      : await storage.putIfMatch(LEASE_KEY, jsonBody(body), etag, body.nonce);
  return result.written ? result.etag : undefined;
}

interface Taken {
  readonly epoch: number;
  readonly floor: number;
  readonly etag: string;
  /** When the write was sent that took it, on the monotonic clock: it expires for others a time to live after they see it. */
  readonly sentAt: number;
  readonly overtaken: LeaseBody | undefined;
}

/** How long the end of a run waits for the store to take the lease back, milliseconds. */
const RELEASE_MS = 5_000;

/** Renews at a third of the time to live, until released or lost. */
function keep(options: LeaseOptions, taken: Taken): Lease {
  const { storage, logger } = options;
  const { epoch, floor, overtaken } = taken;
  const stop = new AbortController();
  const lost = new AbortController();
  const state: Kept = { run: options.run, floor, etag: taken.etag, renewedAt: taken.sentAt };
  let open = overtaken !== undefined;
  const own = () => ({ ...options, run: state.run });
  const renewing = renew(own, epoch, state, stop.signal).then((reason) => {
    if (reason === undefined) return;
    lost.abort(leaseLost(storage, reason));
  });
  return {
    epoch,
    overtaken,
    lost: lost.signal,
    floor,
    raiseFloor(least) {
      state.floor = Math.max(state.floor, least);
    },
    worksOn(run) {
      state.run = run;
    },
    unsettled() {
      open = true;
    },
    settled() {
      open = false;
    },
    async assertHeld(cause) {
      if (lost.signal.aborted || !(await isHeld(options, epoch)))
        throw leaseLost(storage, 'another holder took it', cause);
    },
    async release() {
      stop.abort();
      const giveBack = async () => {
        await renewing;
        if (lost.signal.aborted) return;
        const etag = await write(
          options,
          state.etag,
          bodyOf(own(), { epoch, floor: state.floor, state: open ? 'unsettled' : 'released' }),
        );
        if (etag === undefined) throw new Error('a renewal of it was under way');
      };
      try {
        const outcome = await within(options.clock, RELEASE_MS, giveBack());
        if (!outcome.done) throw new Error('the store does not answer');
      } catch (error) {
        logger.warn('the lease could not be given back; it expires by itself', { error: (error as Error).message });
      }
    },
  };
}

async function isHeld({ storage, logger }: LeaseOptions, epoch: number): Promise<boolean> {
  try {
    const current = await readLease(storage);
    return current?.body.state === 'held' && current.body.epoch === epoch;
  } catch (error) {
    logger.debug('the lease could not be read', { error: (error as Error).message });
    return true;
  }
}

/** The error of a run that was overtaken. */
function leaseLost(storage: Pick<Storage, 'uri'>, reason: string, cause?: unknown): MongolakeError {
  return new MongolakeError('LEASE_LOST', `${storage.uri}: the lease was lost: ${reason}`, {
    hint: 'Another run goes on; look at `mongolake status`.',
    cause,
  });
}

/** What a holder keeps in mind between renewals. */
interface Kept {
  run: string;
  floor: number;
  etag: string;
  /** When the last renewal that succeeded was sent, on the monotonic clock. */
  renewedAt: number;
}

/** Renews until `stop`; returns why the lease was lost. */
async function renew(
  own: () => LeaseOptions,
  epoch: number,
  state: Kept,
  stop: AbortSignal,
): Promise<string | undefined> {
  const { clock, logger, ttlMs } = own();
  for (;;) {
    await clock.sleep(ttlMs / 3, stop).catch(() => undefined);
    if (stop.aborted) return undefined;
    const sentAt = clock.monotonic();
    const leftMs = Math.max(state.renewedAt + ttlMs - sentAt, 0);
    try {
      // A store that does not answer must not keep a holder at work that others take for dead.
      const outcome = await within(clock, leftMs, renewOnce(own(), { epoch, floor: state.floor }, state.etag));
      if (!outcome.done) return 'it could not be renewed in time';
      if (outcome.value === undefined) return 'another holder took it';
      state.etag = outcome.value;
      state.renewedAt = sentAt;
    } catch (error) {
      logger.warn('the lease could not be renewed', { error: (error as Error).message });
      if (clock.monotonic() - state.renewedAt >= ttlMs) return 'it could not be renewed in time';
    }
  }
}

/** The new etag; `undefined` where another holder has the lease. */
async function renewOnce(
  options: LeaseOptions,
  { epoch, floor }: { readonly epoch: number; readonly floor: number },
  etag: string,
): Promise<string | undefined> {
  const renewed = await write(options, etag, bodyOf(options, { epoch, floor, state: 'held' }));
  if (renewed !== undefined) return renewed;
  // An earlier renewal whose answer was lost has moved the etag.
  const current = await readLease(options.storage);
  if (current?.body.state !== 'held' || current.body.epoch !== epoch) return undefined;
  return write(options, current.etag, bodyOf(options, { epoch, floor, state: 'held' }));
}

async function held(storage: Storage, body: LeaseBody | undefined, now: number): Promise<MongolakeError> {
  const who =
    body === undefined
      ? 'another run'
      : `${body.owner} (run ${body.run}, renewed ${Math.max(0, Math.round((now - body.renewedAt) / 1000))} s ago)`;
  const ttl = body === undefined ? 'its time to live' : `${body.ttlMs / 1000} s`;
  const what = body === undefined ? 'run' : await underWay(storage, body.run);
  return new MongolakeError('LEASE_HELD', `${storage.uri}: a ${what} is under way: the lease is held by ${who}`, {
    hint: `Try again when it is done. To abandon it, stop its process, then \`mongolake discard\`. Where its holder is gone, the next run takes over once the lease was not renewed for ${ttl}; \`mongolake unlock --force\` does not wait.`,
  });
}

/** What the holder's run is and how far, as far as the store tells it. */
async function underWay(storage: Storage, run: string): Promise<string> {
  const staged = await readStaged(storage, run).catch(() => undefined);
  return staged === undefined ? 'run' : progressText(progressOf(staged));
}
