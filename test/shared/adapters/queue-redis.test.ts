import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../../src/shared/adapters/queue-bullmq.ts';
import { connectRedis, queueError, redisLabel } from '../../../src/shared/adapters/redis.ts';
import { inspectRedis, parseInfo } from '../../../src/shared/adapters/redis-facts.ts';
import type { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { freePort } from '../../services/server.ts';

const LABEL = 'redis://cache:6379';

function replyError(message: string): Error {
  // As redis-parser makes them: with the command, and so with the password.
  return Object.assign(new Error(message), {
    name: 'ReplyError',
    command: { name: 'hello', args: ['3', 'AUTH', 'u', 's3cret'] },
  });
}

describe('redisLabel', () => {
  it('names the place without credentials', () => {
    expect(redisLabel('redis://cache')).toBe('redis://cache:6379');
    expect(redisLabel('rediss://u:s3cret@cache.example:6380/2')).toBe('rediss://cache.example:6380/2');
  });

  it('refuses what is no Redis URL, without quoting it', () => {
    for (const wrong of ['', 'cache:6379', 'http://u:s3cret@cache', 'redis://u:s3cret@', 'redis://']) {
      expect(() => redisLabel(wrong)).toThrow('the queue needs a Redis URL');
    }
  });
});

describe('queueError', () => {
  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'QUEUE_REFUSED'],
    ["NOPERM this user has no permissions to run the 'evalsha' command", 'QUEUE_REFUSED'],
    ["ERR unknown command 'EVALSHA', with args beginning with: ", 'QUEUE_REFUSED'],
    ['ERR max number of clients reached', 'QUEUE_UNREACHABLE'],
    ['LOADING Redis is loading the dataset in memory', 'QUEUE_UNREACHABLE'],
    ["READONLY You can't write against a read only replica.", 'QUEUE_UNREACHABLE'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'QUEUE_UNREACHABLE'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'QUEUE_UNREACHABLE'],
  ])('%s: %s', (message, code) => {
    expect(queueError(replyError(message), LABEL).code).toBe(code);
  });

  it('tells a full Redis from one that is not there, however it says so', () => {
    const oom = "OOM command not allowed when used memory > 'maxmemory'.";
    for (const error of [
      replyError(oom),
      replyError(`ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -${oom}`),
      Object.assign(replyError('EXECABORT Transaction discarded because of previous errors.'), {
        previousErrors: [replyError(oom)],
      }),
    ]) {
      expect(queueError(error, LABEL)).toMatchObject({
        code: 'QUEUE_UNREACHABLE',
        message: 'Redis at redis://cache:6379 is full: it takes no writes',
      });
    }
  });

  it('keeps neither the arguments of a command nor the original error', () => {
    const error = queueError(replyError("ERR unknown command 'AUTH', with args beginning with: 's3cret'"), LABEL);
    expect(error.message).toBe("Redis at redis://cache:6379 refused: ERR unknown command 'AUTH'");
    expect(error.cause).toBeUndefined();
  });

  it('gives the code where Node gives no message', () => {
    const error = queueError(Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), LABEL);
    expect(error).toMatchObject({ code: 'QUEUE_UNREACHABLE', message: expect.stringMatching(/ECONNREFUSED$/) });
  });

  it('says what to do about a certificate', () => {
    const error = queueError(
      Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      LABEL,
    );
    expect(error.hint).toContain('queue.tls.caFile');
  });
});

describe('parseInfo', () => {
  it('tells Valkey and Dragonfly from Redis by their own version', () => {
    const shared = 'redis_version:7.2.4\r\nredis_mode:cluster\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n';
    expect(parseInfo(shared)).toMatchObject({ flavour: 'redis', version: '7.2.4', mode: 'cluster', appendonly: false });
    expect(parseInfo(`${shared}valkey_version:8.1.0\r\n`)).toMatchObject({ flavour: 'valkey', version: '8.1.0' });
    expect(parseInfo(`${shared}dragonfly_version:df-v1.30\r\n`)).toMatchObject({
      flavour: 'dragonfly',
      version: 'df-v1.30',
    });
  });
});

describe('a connection that is closed during an outage', () => {
  it('fails what waits, and stays closed whoever connects it', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const errors: MongolakeError[] = [];
    const { client, close } = connectRedis({ url, connectTimeoutMs: 1_000 }, 'worker', (error) => errors.push(error));
    await vi.waitFor(() => expect(client.status).toBe('reconnecting'));
    const waiting = client.ping();
    close();
    await expect(waiting).rejects.toThrow('closed');
    await expect(client.connect()).rejects.toThrow('closed for good');
    expect(client.status).toBe('end');
    expect(errors.length).toBeGreaterThan(0);
  });
});

describe('a port where something else answers', () => {
  let server: Server;
  let url: string;
  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  it('is told as such, in bounded time', async () => {
    const not = { code: 'QUEUE_UNREACHABLE', message: expect.stringContaining('not a Redis') };
    await expect(inspectRedis({ url })).rejects.toMatchObject(not);
    const queue = bullmqQueue({ url, clock: systemClock(), connectTimeoutMs: 300, onError: () => {} });
    await expect(queue.depth()).rejects.toMatchObject(not);
    await queue.close();
  });
});
