// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { Queue as BullQueue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';
import { QUEUE_NAME } from '../../src/shared/adapters/queue-bullmq-backend.ts';
import { parseConfig } from '../../src/shared/config.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { gate, mergeJob, SOON, untilState } from '../contracts/queue-contract-helpers.ts';
import { describeWith } from '../services/context.ts';
import { CONFIG, EXAMPLES, type KubernetesObject, RELEASES, render } from './chart.ts';

interface ScaledObject extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicaCount: number;
    readonly cooldownPeriod: number;
    readonly fallback: object;
    readonly advanced: {
      readonly scalingModifiers: Readonly<Record<'formula' | 'target' | 'activationTarget' | 'metricType', string>>;
      readonly horizontalPodAutoscalerConfig?: object;
    };
    readonly triggers: readonly {
      readonly type: string;
      readonly name: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly authenticationRef?: { readonly name: string };
    }[];
  };
}

describeWith(['kubernetes'], 'the ScaledObject', () => {
  it('scales the workers that there are, by jobs per pod, and may use its fallback', async () => {
    const rendered = await render({ keda: { enabled: true }, worker: { concurrency: 3 } });
    const { spec } = rendered.one<ScaledObject>('ScaledObject');
    expect(spec.scaleTargetRef.name).toBe(rendered.deployment('worker').metadata.name);
    expect(spec.minReplicaCount).toBe(0);
    const { formula, ...modifiers } = spec.advanced.scalingModifiers;
    // KEDA does without the fallback where the target is no whole number.
    expect(modifiers).toEqual({ target: '3', activationTarget: '0', metricType: 'AverageValue' });
    expect(formula.split(' + ').sort()).toEqual(spec.triggers.map(({ name }) => name).sort());
    expect(spec.fallback).toEqual({ failureThreshold: 3, replicas: 1, behavior: 'currentReplicasIfHigher' });
    // A job that rests before its next try is in none of the three, and only a worker takes it out of there: the rest is at most 16 s.
    expect(spec.cooldownPeriod).toBeGreaterThan(16);
  });

  it('reaches Redis from another namespace, with the password of the Secret', async () => {
    const near = (await render({ keda: { enabled: true } })).one<ScaledObject>('ScaledObject');
    for (const { metadata } of near.spec.triggers) expect(metadata.address).toBe('redis.data.svc:6379');
    const rendered = await render(RELEASES.keda ?? {});
    const authentication = rendered.one<KubernetesObject & { readonly spec: object }>('TriggerAuthentication');
    expect(authentication.spec).toEqual({
      secretTargetRef: [{ parameter: 'password', name: 'credentials', key: 'redis-password' }],
    });
    for (const { metadata, authenticationRef } of rendered.one<ScaledObject>('ScaledObject').spec.triggers) {
      expect(metadata).toMatchObject({
        address: 'queue.example.com:6379',
        username: 'queue',
        enableTLS: 'true',
        databaseIndex: '2',
      });
      expect(authenticationRef).toEqual({ name: authentication.metadata.name });
    }
    const elsewhere = { enabled: true, redisAddress: 'queue.example.com:6380', behavior: null };
    const other = (await render({ keda: elsewhere })).one<ScaledObject>('ScaledObject');
    expect(other.spec.triggers[0]?.metadata.address).toBe('queue.example.com:6380');
    expect(other.spec.advanced).not.toHaveProperty('horizontalPodAutoscalerConfig');
  });

  it('trusts the authority of Redis that the Secret has', async () => {
    const rendered = await render(EXAMPLES['redis-tls'] ?? {});
    const { spec } = rendered.one<KubernetesObject & { readonly spec: object }>('TriggerAuthentication');
    expect(spec).toEqual({
      secretTargetRef: [
        { parameter: 'ca', name: 'mongolake', key: 'redis-ca.pem' },
        { parameter: 'password', name: 'mongolake', key: 'redis-password' },
      ],
    });
  });

  it('takes the workers away slowly, and never more than half of them in a minute', async () => {
    const { spec } = (await render({ keda: { enabled: true } })).one<ScaledObject>('ScaledObject');
    expect(spec.advanced.horizontalPodAutoscalerConfig).toEqual({
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: 120,
          policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }],
        },
      },
    });
    expect(spec).toMatchObject({ minReplicaCount: 0, maxReplicaCount: 10 });
  });
});

describeWith(['kubernetes', 'redis'], 'what KEDA counts', ({ redis }) => {
  let client: Redis;
  let queue: Queue;
  let scaled: ScaledObject;
  beforeAll(async () => {
    const { hostname, port, pathname } = new URL(redis.url);
    const database = Number(pathname.slice(1) || 0);
    const values = { host: hostname, port: Number(port || 6379), database, prefix: redis.prefix, url: '${REDIS_URL}' };
    const release = { config: CONFIG, existingSecret: 'credentials', redis: values, keda: { enabled: true } };
    const rendered = await render(release);
    scaled = rendered.one<ScaledObject>('ScaledObject');
    const [trigger] = scaled.spec.triggers;
    expect(trigger?.metadata).toMatchObject({ address: `${hostname}:${values.port}`, databaseIndex: String(database) });
    const environment = { REDIS_URL: redis.url, MONGODB_URI: 'mongodb://db' };
    const config = parseConfig(rendered.config, 'mongolake.yaml', environment);
    if (config.queue.kind !== 'redis') throw new Error('the queue is not in Redis');
    const { url, prefix } = config.queue;
    queue = bullmqQueue({ url, prefix, clock: systemClock(), onError: () => {} });
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    await queue.close();
    client.disconnect();
  });

  /** What KEDA would make of the triggers now, which is what the queue itself says. */
  const sum = async () => {
    const metrics = new Map<string, number>();
    for (const { name, metadata } of scaled.spec.triggers) {
      metrics.set(name, Number(await client.eval(LENGTH, 1, metadata.listName ?? '')));
    }
    const total = evaluate(scaled.spec.advanced.scalingModifiers.formula, metrics);
    const { waiting, prioritized, active } = await queue.depth();
    expect(Object.fromEntries(metrics)).toEqual({ waiting, prioritized, active });
    expect(total).toBe(waiting + prioritized + active);
    return { total, ...Object.fromEntries(metrics) };
  };
  const NOTHING = { total: 0, waiting: 0, prioritized: 0, active: 0 };

  it('is all jobs that wait, with priority or without, and all that run', async () => {
    const jobs = [mergeJob(1), mergeJob(2), mergeJob(3, 4), mergeJob(4, 5), mergeJob(5, 5)];
    expect(await sum()).toEqual(NOTHING);
    await queue.enqueue(jobs.slice(0, 2));
    expect(await sum()).toEqual({ total: 2, waiting: 2, prioritized: 0, active: 0 });
    await queue.enqueue(jobs.slice(2));
    expect(await sum()).toEqual({ total: 5, waiting: 2, prioritized: 3, active: 0 });
    const end = gate();
    const consumer = await queue.consume(() => end.opened, { concurrency: 1 });
    await vi.waitFor(async () => {
      expect(await sum()).toEqual({ total: 5, waiting: 1, prioritized: 3, active: 1 });
    }, SOON);
    end.open();
    for (const { id } of jobs) await untilState(queue, id, 'done');
    expect(await sum()).toEqual(NOTHING);
    await consumer.stop();
  });

  it('is not what rests before its next try, nor what has failed', async () => {
    const [resting, failing] = [mergeJob(6), mergeJob(7)];
    await queue.enqueue([resting, failing]);
    const consumer = await queue.consume(
      async ({ job }) => {
        throw new MongolakeError(job.id === resting.id ? 'STORE_UNREACHABLE' : 'CONFIG_INVALID', 'of a test');
      },
      { concurrency: 2 },
    );
    await vi.waitFor(async () => {
      expect(await queue.depth()).toMatchObject({ delayed: 1, failed: 1 });
      expect(await sum()).toEqual(NOTHING);
    }, SOON);
    await consumer.stop();
    await queue.forget([resting.id, failing.id]);
  });

  it('is what a queue that was paused in the dashboard holds too: workers stay for it, though they take none', async () => {
    const paused = new BullQueue(QUEUE_NAME, { connection: { url: redis.url }, prefix: redis.prefix });
    await paused.pause();
    const jobs = [mergeJob(8), mergeJob(9, 4)];
    await queue.enqueue(jobs);
    const taken: string[] = [];
    const consumer = await queue.consume(
      async ({ job }) => {
        taken.push(job.id);
      },
      { concurrency: 2 },
    );
    expect(await sum()).toEqual({ total: 2, waiting: 1, prioritized: 1, active: 0 });
    expect(taken).toEqual([]);
    await paused.resume();
    for (const { id } of jobs) await untilState(queue, id, 'done');
    expect(await sum()).toEqual(NOTHING);
    await consumer.stop();
    await paused.close();
  });
});

/** The size of a key by its type, as KEDA's redis scaler asks for it (pkg/scalers/redis_scaler.go of KEDA 2.21). */
const LENGTH = `
  local listName = KEYS[1]
  local listType = redis.call('type', listName).ok
  if listType == 'zset' then
    return redis.call('zcard', listName)
  elseif listType == 'set' then
    return redis.call('scard', listName)
  elseif listType == 'hash' then
    return redis.call('hlen', listName)
  elseif listType == 'list' or listType == 'none' then
    return redis.call('llen', listName)
  else
    return redis.error_reply('ERR unsupported key type: ' .. listType)
  end`;

/** A sum of names, the only kind of formula that is used. */
function evaluate(formula: string, metrics: ReadonlyMap<string, number>): number {
  return formula.split(' + ').reduce((total, name) => {
    const value = metrics.get(name);
    if (value === undefined) throw new Error(`${formula}: no trigger is named ${name}`);
    return total + value;
  }, 0);
}
