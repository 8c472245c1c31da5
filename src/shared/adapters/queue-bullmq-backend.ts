import { type BackendFactory, QueueKeys, RedisConnection, RedisQueueBackend } from 'bullmq';
import type { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { RedisConnectionHandle, RedisRole } from './redis.ts';

/** Name of the one queue of a prefix. */
export const QUEUE_NAME = 'jobs';

/** What producer, consumer and events of one queue share. */
export interface BullmqContext {
  readonly clock: Clock;
  /** Where Redis is, without credentials. */
  readonly label: string;
  readonly queueName: string;
  /** Before every key. */
  readonly prefix: string;
  /** Opens a connection that whoever asks for it has to close. `name` is for CLIENT LIST. */
  connect(role: RedisRole, name: string): RedisConnectionHandle;
  /** Passes on an error that nobody waits for. */
  report(error: MongolakeError): void;
}

/** Backends over connections that stay ours: BullMQ neither makes nor closes one, so none can be left behind. */
export function backendOver(
  prefix: string,
  main: RedisConnectionHandle,
  blocking?: RedisConnectionHandle,
): BackendFactory<RedisQueueBackend> {
  return (name, options, { blocking: mainBlocks = false } = {}) => {
    const keys = new QueueKeys(prefix);
    const over = (handle: RedisConnectionHandle, blocks: boolean) =>
      new RedisConnection(handle.client, { shared: true, blocking: blocks });
    return new RedisQueueBackend(
      over(main, mainBlocks),
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      options,
      blocking === undefined ? undefined : over(blocking, true),
    );
  };
}
