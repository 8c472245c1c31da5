import type { TestProject } from 'vitest/node';
import { chosenParts, PARTS, type Prepared, prepare, stopAll } from './prepare.ts';
import type { ProvidedServices } from './provided.ts';

let prepared: Prepared | undefined;

/** Prepares what the services project needs and provides it, or the reasons of absence, to the tests. */
export async function setup(project: TestProject): Promise<void> {
  const chosen = chosenParts();
  prepared = await prepare(chosen ?? PARTS, chosen !== undefined);
  project.provide('services', providedOf(prepared));
}

/** Stops what `setup` started. */
export async function teardown(): Promise<void> {
  if (prepared) await stopAll(prepared);
  prepared = undefined;
}

/** Plain data: it crosses to the worker processes. */
function providedOf({ redis, s3, mongodb, ...tools }: Prepared): ProvidedServices {
  return {
    redis: redis.available ? { available: true, url: redis.url } : redis,
    s3: s3.available
      ? {
          available: true,
          endpoint: s3.endpoint,
          region: s3.region,
          accessKeyId: s3.accessKeyId,
          secretAccessKey: s3.secretAccessKey,
        }
      : s3,
    mongodb: mongodb.available ? { available: true, kind: mongodb.kind, uri: mongodb.uri } : mongodb,
    ...tools,
  };
}
