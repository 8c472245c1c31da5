import { Redis, type RedisOptions } from 'ioredis';
import { asMongolakeError, MongolakeError } from '../domain/errors.ts';
import { type RedisCredentials, type RedisPlace, redisCredentials } from './redis-place.ts';

/**
 * What a connection is for. A `producer` answers a caller who waits, so it gives up in bounded time; a `worker` belongs to a
 * consumer, which waits for Redis for as long as it takes.
 */
export type RedisRole = 'producer' | 'worker';

export interface RedisTarget extends RedisPlace {
  /** Bound on one TCP and TLS connect, milliseconds. */
  readonly connectTimeoutMs: number;
  /** Shown by `CLIENT LIST`. */
  readonly name?: string;
}

/** One connection of ours, reconnecting by itself until it is closed. */
export interface RedisConnectionHandle {
  readonly client: Redis;
  /** Where it goes, without credentials. */
  readonly label: string;
  /** What the last failed attempt to connect said; undefined once connected. */
  lastError(): Error | undefined;
  /** Resolves once commands are taken. Rejects with `QUEUE_REFUSED` where Redis refuses the credentials; else it waits. */
  ready(): Promise<void>;
  close(): void;
}

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2_000;
/** A worker's connection is silent only between commands; an answer that takes longer means the peer is gone. */
const WORKER_SILENCE_MS = 30_000;
const PRODUCER_RETRIES = 3;

/** The URL without user and password, for messages. Throws `CONFIG_INVALID`, without quoting a URL that can't be parsed. */
export function redisLabel(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new MongolakeError('CONFIG_INVALID', 'the queue needs a Redis URL', {
      hint: 'Write redis://host:6379, or rediss://user:password@host:6379 for TLS; encode special characters as %XX.',
    });
  }
  const database = parsed.pathname === '/' ? '' : parsed.pathname;
  return `${parsed.protocol}//${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}${database}`;
}

function credentialsOf({ url, credentials }: RedisPlace): RedisCredentials {
  return credentials?.() ?? redisCredentials(url);
}

function withoutCredentials(url: string): string {
  return Object.assign(new URL(url), { username: '', password: '' }).href;
}

/**
 * Opens a connection that reconnects for ever, also after a failover has left it on a replica. Nobody need listen for its
 * errors: `onError` gets them as MongolakeErrors without secrets.
 */
export function connectRedis(
  target: RedisTarget,
  role: RedisRole,
  onError: (error: MongolakeError) => void,
): RedisConnectionHandle {
  const label = redisLabel(target.url);
  // ioredis sends user and password as its options have them whenever it connects; those of a URL would win over the options.
  const client = new Redis(withoutCredentials(target.url), { ...redisOptions(target, role), ...credentialsOf(target) });
  client.on('close', () =>
    Object.assign(client.options, { username: undefined, password: undefined, ...credentialsOf(target) }),
  );
  let last: Error | undefined;
  let waiting: Promise<void> | undefined;
  let closed = false;
  client.on('error', (error: Error) => {
    if (closed) return; // nothing is left to say but that it is
    last = error;
    onError(queueError(error, label));
  });
  client.on('ready', () => {
    last = undefined;
  });
  return {
    client,
    label,
    lastError: () => last,
    ready: () => {
      // One promise for all who wait: an outage must not pile up listeners.
      waiting ??= whenReady(client, label).finally(() => {
        waiting = undefined;
      });
      return waiting;
    },
    close: () => {
      closed = true;
      closeClient(client);
    },
  };
}

/**
 * Disconnects for good, and fails what still waits for an answer. While ioredis rests before its next attempt, `disconnect`
 * only forgets that attempt and tells nobody (taskforcesh/bullmq#4585); from `wait` it ends as it should.
 */
function closeClient(client: Redis): void {
  // BullMQ's watchdog connects a client anew whose blocking command never ended, also one that is closed.
  client.connect = () => Promise.reject(new Error('the connection was closed for good'));
  // A second time would start a timer that nothing clears, and it keeps the process up.
  if (client.status === 'end') return;
  if (client.status === 'reconnecting') client.status = 'wait';
  client.disconnect();
}

/** Without the one option whose type allows an undefined that the constructor's does not. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

function redisOptions(target: RedisTarget, role: RedisRole): ClientOptions {
  const common: ClientOptions = {
    connectTimeout: target.connectTimeoutMs,
    retryStrategy: (times: number) => Math.min(RECONNECT_MIN_MS * 2 ** Math.min(times - 1, 10), RECONNECT_MAX_MS),
    ...(target.name === undefined ? {} : { connectionName: target.name }),
    ...(target.tls === undefined ? {} : { tls: target.tls }),
  };
  if (role === 'producer') {
    return {
      ...common,
      enableOfflineQueue: false,
      maxRetriesPerRequest: PRODUCER_RETRIES,
      socketTimeout: target.connectTimeoutMs,
      // After a failover the old master answers READONLY: reconnecting asks DNS again. 1 = fail this command, 2 = send it again.
      reconnectOnError: (error) => (isReadOnly(error) ? 1 : false),
    };
  }
  return {
    ...common,
    maxRetriesPerRequest: null,
    socketTimeout: WORKER_SILENCE_MS,
    reconnectOnError: (error) => (isReadOnly(error) ? 2 : false),
  };
}

function isReadOnly(error: Error): boolean {
  return error.message.startsWith('READONLY');
}

function whenReady(client: Redis, label: string): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise<void>((resolve, reject) => {
    const settle = (error?: MongolakeError) => {
      client.off('ready', onReady);
      client.off('error', onError);
      client.off('end', onEnd);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onReady = () => settle();
    const onEnd = () => settle(unreachable(label, undefined));
    const onError = (raw: Error) => {
      const error = queueError(raw, label);
      if (error.code === 'QUEUE_REFUSED') settle(error);
    };
    client.on('ready', onReady);
    client.on('error', onError);
    client.on('end', onEnd);
  });
}

/** Redis was not there in time. `last` is what the last attempt to connect said. */
export function unreachable(label: string, last: Error | undefined): MongolakeError {
  const why = last === undefined ? 'no answer in time' : reasonOf(last);
  return new MongolakeError('QUEUE_UNREACHABLE', `Redis at ${label} can't be reached: ${why}`, {
    hint: /certificate|altnames/.test(why)
      ? 'Name the CA of your Redis as queue.tls.caFile; where Redis asks for a certificate, queue.tls.certFile and keyFile.'
      : 'Check that Redis runs, that host and port are right, and that the URL is rediss:// where Redis wants TLS.',
  });
}

/** A Redis with `maxmemory` that keeps what it has, as jobs need it, takes no writes while it is full. Redis 6 says so inside of an `ERR`. */
const FULL = /\bOOM command not allowed/;

/** A refusal that trying again does not cure: credentials, rights (ACL), or a command that the server does not have. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|NOPROTO|DENIED|WRONGTYPE|MOVED|CROSSSLOT|ERR(?! max number of clients))\b/;

/**
 * An error of ioredis or BullMQ as ours. Never carries the original: a reply error of ioredis holds the command's arguments,
 * and those of AUTH are the password.
 */
export function queueError(error: unknown, label: string): MongolakeError {
  if (error instanceof MongolakeError) return error;
  if (!(error instanceof Error)) return asMongolakeError(error);
  if (error.name === 'ReplyError' && isFull(error)) {
    return new MongolakeError('QUEUE_UNREACHABLE', `Redis at ${label} is full: it takes no writes`, {
      hint: 'Raise its maxmemory, or remove what others keep in it. Nothing is lost: runs go on once there is room.',
    });
  }
  if (error.name === 'ReplyError' && REFUSED.test(error.message)) {
    return new MongolakeError('QUEUE_REFUSED', `Redis at ${label} refused: ${reasonOf(error)}`, {
      hint: "Check user and password in the URL, and that the user's ACL allows all commands on the keys of the prefix.",
    });
  }
  if (isRedisTrouble(error)) return unreachable(label, error);
  if ('code' in error && typeof error.code === 'number') {
    // A script of BullMQ found the job gone, or its lock with another: after an outage, a FLUSHALL, a long pause of ours.
    return new MongolakeError('QUEUE_UNREACHABLE', `the queue at ${label} lost hold of a job: ${reasonOf(error)}`, {
      hint: 'Nothing is lost: the job runs again.',
    });
  }
  return new MongolakeError('INTERNAL', `queue at ${label}: ${reasonOf(error)}`);
}

/** Of a transaction ioredis only says that it was discarded, and has the reasons beside it. */
function isFull(error: Error): boolean {
  const previous: unknown = 'previousErrors' in error ? error.previousErrors : [];
  return FULL.test(error.message) || (Array.isArray(previous) && previous.some((one) => FULL.test(String(one))));
}

/** Errors by which ioredis says that the server was not there, or not able, just now. */
function isRedisTrouble(error: Error): boolean {
  if (/^(ReplyError|MaxRetriesPerRequestError|AbortError)$/.test(error.name)) return true;
  if ('code' in error && typeof error.code === 'string') return true;
  return /connection is closed|stream isn't writeable|timed? ?out|aborted|unknown resp type/i.test(error.message);
}

/** The message without what may be secret; where Node gives only a code (all addresses of a name refused), the code. */
function reasonOf(error: Error): string {
  // "ERR unknown command 'AUTH', with args beginning with: 'the password'"
  const text = error.message.replace(/,? with args beginning with.*$/s, '');
  if (text.startsWith('NOAUTH')) return 'NOAUTH it wants a password';
  if (text.startsWith('Unknown RESP type')) return 'what answers there is not a Redis';
  if (text !== '') return text;
  return 'code' in error ? String(error.code) : error.name;
}
