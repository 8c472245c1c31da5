import { describe, inject, it } from 'vitest';
import type { MongoService } from './mongo.ts';
import type { Need, ProvidedServices, Services } from './provided.ts';
import { type Started, unavailable } from './result.ts';
import { uniqueBucket } from './s3.ts';
import { useOwnSpace } from './space.ts';

/**
 * A suite that needs real servers or readers. Where one is absent the suite is skipped, its name and the reason in the list at the
 * end of the run; with MONGOLAKE_TEST_REQUIRE_SERVICES=1 that is a failure instead, but not for what is only built on request. `body` is always called (to know its tests), so
 * it must use the services inside hooks and tests only: in a skipped suite they are empty strings.
 */
export function describeWith<N extends Need>(
  needs: readonly N[],
  name: string,
  body: (services: Pick<Services, N>) => void,
): void {
  const provided = inject('services');
  if (!provided) throw new Error(`${name}: describeWith works in *.services.test.ts files only`);
  const own = uniqueBucket(name);
  const services = servicesOf(provided, own);
  const missing = needs.map((need) => absence(provided, need)).filter((reason) => reason !== undefined);
  if (missing.length === 0) {
    describe(name, () => {
      useOwnSpace(services, needs);
      body(services);
    });
    return;
  }
  const why = missing.join('; ');
  if (process.env.MONGOLAKE_TEST_REQUIRE_SERVICES !== '1' || needs.some((need) => isOnRequest(provided, need))) {
    describe.skip(`${name} (skipped: ${why})`, () => body(services));
    return;
  }
  describe(name, () => {
    it('has the services it needs', () => {
      throw new Error(why);
    });
    describe.skip(`without (skipped: ${why})`, () => body(services));
  });
}

/** Why a need can't be met, as "what: reason"; undefined where it can. */
export function absence(provided: ProvidedServices, need: Need): string | undefined {
  const service = need === 'mongod' ? realMongod(provided.mongodb) : provided[need];
  return service.available ? undefined : `${need}: ${service.reason}`;
}

function isOnRequest(provided: ProvidedServices, need: Need): boolean {
  const service = need === 'mongod' ? provided.mongodb : provided[need];
  return !service.available && service.onRequest === true;
}

function realMongod(mongodb: Started<MongoService>): Started<MongoService> {
  if (!mongodb.available || mongodb.kind === 'mongod') return mongodb;
  return unavailable('the MongoDB of this run is FerretDB; put mongod on the PATH or set MONGOLAKE_TEST_MONGODB_URI');
}

function servicesOf(provided: ProvidedServices, own: string): Services {
  const { redis, s3, mongodb, chromium, cluster, keda } = provided;
  const database = own.replaceAll('-', '_');
  const uri = mongodb.available ? mongodb.uri : '';
  return {
    redis: { url: redis.available ? redis.url : '', prefix: `{${own}}` },
    s3: {
      endpoint: s3.available ? s3.endpoint : '',
      region: s3.available ? s3.region : '',
      accessKeyId: s3.available ? s3.accessKeyId : '',
      secretAccessKey: s3.available ? s3.secretAccessKey : '',
      bucket: own,
    },
    mongodb: { uri, kind: mongodb.available ? mongodb.kind : 'ferretdb', database },
    mongod: { uri, database },
    readers: {},
    spark: {},
    streams: {},
    vault: {},
    chromium: { executable: chromium.available ? chromium.executable : '' },
    kubernetes: {},
    compose: {},
    namespaces: {},
    prometheus: {},
    cluster: {
      folder: cluster.available ? cluster.folder : '',
      customResources: cluster.available ? cluster.customResources : '',
    },
    keda: { folder: keda.available ? keda.folder : '' },
  };
}
