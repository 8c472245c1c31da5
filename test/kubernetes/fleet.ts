// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import type { Deployment, Values } from '../helm/chart.ts';
import type { ApiObject } from '../services/kube/client.ts';
import { startControllers } from '../services/kube/controllers.ts';
import { type KubeApi, startKubeApi } from '../services/kube-api.ts';
import type { Services } from '../services/provided.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';
import { type Release, releaseIn } from './releases.ts';

/** A control plane with a release in it, whose pods run as processes. */
export interface Fleet {
  readonly api: KubeApi;
  readonly release: Release;
  /** Asks for a password, which the release's Secret has. */
  readonly redis: RedisServer;
  /** Values of a release that syncs `notifications` of the source to `s3://<bucket>/lake/notifications`. */
  readonly values: Values;
  /** Starts what runs the pods of these components. Those of one component belong to one of them. */
  run(...components: readonly string[]): Kubelet;
  /** A Deployment of the release as the server has it. */
  deployment(component: string): Promise<DeploymentNow>;
  stop(): Promise<void>;
}

export interface DeploymentNow extends Deployment {
  readonly status: { readonly replicas?: number; readonly readyReplicas?: number };
}

const NAMESPACE = 'lake';
const PASSWORD = 'of4a5test';

export async function startFleet(programs: string, services: Pick<Services, 's3' | 'mongodb'>): Promise<Fleet> {
  const redis = required(await startRedis({ password: PASSWORD }));
  const api = await startKubeApi(programs);
  const controllers = await startControllers(api, programs);
  const release = await releaseIn(api, NAMESPACE);
  const { client } = api;
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'credentials' },
    stringData: secretsOf(services),
  };
  await client.request('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, secret);
  const kubelets: Kubelet[] = [];
  return {
    api,
    release,
    redis,
    values: valuesOf(services, redis.port),
    run(...components) {
      const kubelet = startKubelet(client, NAMESPACE, components);
      kubelets.push(kubelet);
      return kubelet;
    },
    deployment: (component) =>
      client.request<DeploymentNow & ApiObject>(
        'GET',
        `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/guest-mongolake-${component}`,
      ),
    async stop() {
      for (const kubelet of kubelets) await kubelet.stop();
      await controllers.stop();
      await api.stop();
      await redis.stop();
    },
  };
}

function secretsOf({ s3, mongodb }: Pick<Services, 's3' | 'mongodb'>): Readonly<Record<string, string>> {
  return {
    MONGODB_URI: mongodb.uri,
    S3_KEY: s3.accessKeyId,
    S3_SECRET: s3.secretAccessKey,
    REDIS_PASSWORD: PASSWORD,
  };
}

function valuesOf({ s3, mongodb }: Pick<Services, 's3' | 'mongodb'>, redisPort: number) {
  const { region, endpoint, bucket } = s3;
  const credentials = { accessKeyId: '${S3_KEY}', secretAccessKey: '${S3_SECRET}' };
  return {
    existingSecret: 'credentials',
    redis: { host: '127.0.0.1', port: redisPort, passwordKey: 'REDIS_PASSWORD' },
    worker: { concurrency: 1, memory: '256MB', drainTimeoutSeconds: 30 },
    keda: { enabled: true, pollingIntervalSeconds: 1, cooldownPeriodSeconds: 30 },
    config: {
      connections: {
        guest: { kind: 'mongodb', uri: '${MONGODB_URI}' },
        lake: { kind: 's3', region, endpoint, forcePathStyle: true, credentials },
      },
      defaults: { partitions: 4, schedule: '1h' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { connection: 'lake', uri: `s3://${bucket}/lake/{collection}` },
        },
      },
    },
  };
}
