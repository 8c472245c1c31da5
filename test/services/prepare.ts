import { type MongoService, mongoService } from './mongo.ts';
import { prepareReaders, prepareSpark } from './readers/install.ts';
import { type RedisService, redisService } from './redis.ts';
import { type Started, unavailable } from './result.ts';
import { type S3Service, s3Service } from './s3.ts';

type Stoppable<T> = T & { stop(): Promise<void> };

/** All servers and readers of a test run. */
export interface Prepared {
  readonly redis: Started<Stoppable<RedisService>>;
  readonly s3: Started<Stoppable<S3Service>>;
  readonly mongodb: Started<Stoppable<MongoService>>;
  readonly readers: Started<{ readonly available: true }>;
  readonly spark: Started<{ readonly available: true }>;
}

/** A name in `Prepared`. */
export type Part = keyof Prepared;

/** Every part, in the order in which people think of them. */
export const PARTS: readonly Part[] = ['redis', 's3', 'mongodb', 'readers', 'spark'];

/**
 * Installs, builds and starts the given parts; the others are unavailable. Installers of one kind take turns, so that a machine
 * of two cores is not swamped; with everything in the cache it takes less than a second.
 */
export async function prepare(parts: readonly Part[]): Promise<Prepared> {
  const part = <T extends { readonly available: true }>(name: Part, start: () => Promise<Started<T>>) =>
    parts.includes(name) ? start() : Promise.resolve(unavailable('left out by MONGOLAKE_TEST_SERVICES'));
  const [redis, [s3, mongodb], [readers, spark]] = await Promise.all([
    part('redis', redisService),
    inTurn(
      () => part('s3', s3Service),
      () => part('mongodb', mongoService),
    ),
    inTurn(
      () => part('readers', prepareReaders),
      () => part('spark', prepareSpark),
    ),
  ]);
  return { redis, s3, mongodb, readers, spark };
}

/** The parts named in MONGOLAKE_TEST_SERVICES (separated by commas); all where it is not set. Throws for an unknown name. */
export function chosenParts(): readonly Part[] {
  const names = process.env.MONGOLAKE_TEST_SERVICES;
  if (names === undefined) return PARTS;
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const part = PARTS.find((known) => known === name);
      if (!part) throw new Error(`MONGOLAKE_TEST_SERVICES: ${name} is none of ${PARTS.join(', ')}`);
      return part;
    });
}

/** Stops the servers that `prepare` started. */
export async function stopAll({ redis, s3, mongodb }: Prepared): Promise<void> {
  await Promise.all([redis, s3, mongodb].map((service) => (service.available ? service.stop() : undefined)));
}

async function inTurn<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  const a = await first();
  return [a, await second()];
}
