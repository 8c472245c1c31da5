import type { ChromiumService } from './chromium.ts';
import type { ClusterPrograms, KedaPrograms } from './kube/programs.ts';
import type { MongoService } from './mongo.ts';
import type { RedisService } from './redis.ts';
import type { Started } from './result.ts';
import type { S3Access } from './s3.ts';

/** The shared servers and tools of a test run, as the global setup provides them; each may be absent, with its reason. */
export interface ProvidedServices {
  readonly redis: Started<RedisService>;
  readonly s3: Started<S3Access & { readonly available: true }>;
  readonly mongodb: Started<MongoService>;
  /** DuckDB, delta-rs and Polars for `readTable`. */
  readonly readers: Started<{ readonly available: true }>;
  /** Spark for `readTable`. */
  readonly spark: Started<{ readonly available: true }>;
  /** A MongoDB-wire server with change streams; suites start their own: `startStreamServer`. */
  readonly streams: Started<{ readonly available: true }>;
  /** Vault, and moto as the EC2 API; suites start their own. */
  readonly vault: Started<{ readonly available: true }>;
  readonly chromium: Started<ChromiumService>;
  /** helm, kubeconform and schemas. */
  readonly kubernetes: Started<{ readonly available: true }>;
  /** Docker's parsers. */
  readonly compose: Started<{ readonly available: true }>;
  /** Namespaces and mounts, in which a command runs as in a container. */
  readonly namespaces: Started<{ readonly available: true }>;
  /** Prometheus and promtool; suites start their own. */
  readonly prometheus: Started<{ readonly available: true }>;
  /** A Kubernetes API server; suites start their own: `startKubeApi`. */
  readonly cluster: Started<ClusterPrograms>;
  readonly keda: Started<KedaPrograms>;
}

declare module 'vitest' {
  interface ProvidedContext {
    services: ProvidedServices;
  }
}

/**
 * What a suite may need. `mongod` is a real replica set: transactions, `explain`; FerretDB does not do. For change streams alone, `streams`
 * stands in.
 */
export interface Services {
  /** Keep to keys that start with `prefix`; they are deleted after the suite. Not for FLUSHALL or outages: `startRedis` those. */
  readonly redis: { readonly url: string; readonly prefix: string };
  /** `bucket` is the suite's own, empty at its start and deleted after it. */
  readonly s3: S3Access & { readonly bucket: string };
  /** `database` is the suite's own; dropped after it. */
  readonly mongodb: { readonly uri: string; readonly kind: MongoService['kind']; readonly database: string };
  readonly mongod: { readonly uri: string; readonly database: string };
  readonly readers: Record<never, never>;
  readonly spark: Record<never, never>;
  readonly streams: Record<never, never>;
  readonly vault: Record<never, never>;
  readonly chromium: { readonly executable: string };
  readonly kubernetes: Record<never, never>;
  readonly compose: Record<never, never>;
  readonly namespaces: Record<never, never>;
  readonly prometheus: Record<never, never>;
  readonly cluster: Omit<ClusterPrograms, 'available'>;
  readonly keda: Omit<KedaPrograms, 'available'>;
}

/** A name in `Services`. */
export type Need = keyof Services;
