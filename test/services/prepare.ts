import { type ChromiumService, prepareChromium } from './chromium.ts';
import { type ComposeCheck, prepareCompose } from './compose.ts';
import { type KubernetesTools, prepareKubernetes } from './kubernetes.ts';
import { type MongoService, mongoService } from './mongo.ts';
import { prepareNamespaces } from './namespaces.ts';
import { type PrometheusProgram, preparePrometheus } from './prometheus.ts';
import { prepareReaders, prepareSpark } from './readers/install.ts';
import { type RedisService, redisService } from './redis.ts';
import { type Started, unavailable } from './result.ts';
import { type S3Service, s3Service } from './s3.ts';
import { prepareStreams, type StreamProgram } from './streams.ts';
import { prepareVault, type VaultProgram } from './vault.ts';

type Stoppable<T> = T & { stop(): Promise<void> };

/** All servers and readers of a test run. */
export interface Prepared {
  readonly redis: Started<Stoppable<RedisService>>;
  readonly s3: Started<Stoppable<S3Service>>;
  readonly mongodb: Started<Stoppable<MongoService>>;
  readonly readers: Started<{ readonly available: true }>;
  readonly spark: Started<{ readonly available: true }>;
  readonly streams: Started<StreamProgram>;
  readonly vault: Started<VaultProgram>;
  readonly chromium: Started<ChromiumService>;
  readonly kubernetes: Started<KubernetesTools>;
  readonly compose: Started<ComposeCheck>;
  readonly namespaces: Started<{ readonly available: true }>;
  readonly prometheus: Started<PrometheusProgram>;
}

/** A name in `Prepared`. */
export type Part = keyof Prepared;

/** Every part, in the order in which people think of them. */
export const PARTS: readonly Part[] = [
  'redis',
  's3',
  'mongodb',
  'readers',
  'spark',
  'streams',
  'vault',
  'chromium',
  'kubernetes',
  'compose',
  'namespaces',
  'prometheus',
];

/**
 * Installs, builds and starts the given parts; the others are unavailable. Installers of one kind take turns, so that a machine
 * of two cores is not swamped; with everything in the cache it takes less than a second.
 */
export async function prepare(parts: readonly Part[]): Promise<Prepared> {
  const part: Preparing = (name, start) =>
    parts.includes(name) ? start() : Promise.resolve(unavailable('left out by MONGOLAKE_TEST_SERVICES'));
  const [
    redis,
    [s3, mongodb, vault, kubernetes, compose],
    [readers, streams, spark],
    [chromium, prometheus],
    namespaces,
  ] = await Promise.all([
    part('redis', redisService),
    builtWithGo(part),
    installedWithPipOrMaven(part),
    installedWithApt(part),
    part('namespaces', prepareNamespaces),
  ]);
  return { redis, s3, mongodb, readers, spark, streams, vault, chromium, kubernetes, compose, namespaces, prometheus };
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

/** Prepares a part, or leaves it out. */
type Preparing = <T extends { readonly available: true }>(
  name: Part,
  start: () => Promise<Started<T>>,
) => Promise<Started<T>>;

async function builtWithGo(part: Preparing) {
  const s3 = await part('s3', s3Service);
  const mongodb = await part('mongodb', mongoService);
  const vault = await part('vault', prepareVault);
  const kubernetes = await part('kubernetes', prepareKubernetes);
  return [s3, mongodb, vault, kubernetes, await part('compose', prepareCompose)] as const;
}

async function installedWithApt(part: Preparing) {
  const chromium = await part('chromium', prepareChromium);
  return [chromium, await part('prometheus', preparePrometheus)] as const;
}

async function installedWithPipOrMaven(part: Preparing) {
  const readers = await part('readers', prepareReaders);
  const streams = await part('streams', prepareStreams);
  return [readers, streams, await part('spark', prepareSpark)] as const;
}
