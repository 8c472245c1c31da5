import { type ChromiumService, prepareChromium } from './chromium.ts';
import { type ComposeCheck, prepareCompose } from './compose.ts';
import { type ClusterPrograms, type KedaPrograms, prepareCluster, prepareKeda } from './kube/programs.ts';
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
  readonly cluster: Started<ClusterPrograms>;
  readonly keda: Started<KedaPrograms>;
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
  'cluster',
  'keda',
];

/**
 * Installs, builds and starts the given parts; the others are unavailable. Installers of one kind take turns, so that a machine
 * of two cores is not swamped; with everything in the cache it takes less than a second. `cluster` and `keda`, which take many minutes to build, are built with `buildAll` only.
 */
export async function prepare(parts: readonly Part[], buildAll = false): Promise<Prepared> {
  const part: Preparing = (name, start) =>
    parts.includes(name) ? start() : Promise.resolve(unavailable('left out by MONGOLAKE_TEST_SERVICES'));
  const [redis, byGo, byPipOrMaven, byApt, namespaces] = await Promise.all([
    part('redis', redisService),
    builtWithGo(part, buildAll),
    installedWithPipOrMaven(part),
    installedWithApt(part),
    part('namespaces', prepareNamespaces),
  ]);
  return { redis, ...byGo, ...byPipOrMaven, ...byApt, namespaces };
}

/** The parts named in MONGOLAKE_TEST_SERVICES; undefined where it is not set. Throws for an unknown name. */
export function chosenParts(): readonly Part[] | undefined {
  const names = process.env.MONGOLAKE_TEST_SERVICES;
  return names === undefined ? undefined : partsOf(names, 'MONGOLAKE_TEST_SERVICES');
}

/** The parts of a list with commas. Throws for an unknown name, after `where`. */
export function partsOf(names: string, where: string): readonly Part[] {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const part = PARTS.find((known) => known === name);
      if (!part) throw new Error(`${where}: ${name} is none of ${PARTS.join(', ')}`);
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

/** One after the other, as those below. */
async function builtWithGo(part: Preparing, buildAll: boolean) {
  return {
    s3: await part('s3', s3Service),
    mongodb: await part('mongodb', mongoService),
    vault: await part('vault', prepareVault),
    kubernetes: await part('kubernetes', prepareKubernetes),
    compose: await part('compose', prepareCompose),
    cluster: await part('cluster', () => prepareCluster(buildAll)),
    keda: await part('keda', () => prepareKeda(buildAll)),
  };
}

async function installedWithPipOrMaven(part: Preparing) {
  return {
    readers: await part('readers', prepareReaders),
    streams: await part('streams', prepareStreams),
    spark: await part('spark', prepareSpark),
  };
}

async function installedWithApt(part: Preparing) {
  return { chromium: await part('chromium', prepareChromium), prometheus: await part('prometheus', preparePrometheus) };
}
