import { VERSION } from '../app/version.ts';
import { serveHealth, type Verdict } from '../shared/adapters/health-server.ts';
import { processMetrics } from '../shared/adapters/metrics-process.ts';
import { type QueueProbe, queueProbe } from '../shared/adapters/metrics-queue.ts';
import { type MetricsRegistry, metricsRegistry } from '../shared/adapters/metrics-registry.ts';
import type { ListenAddress } from '../shared/config/fields.ts';
import type { Liveness } from '../shared/liveness.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { App } from './app.ts';

/** The metrics and health of this process, served. */
export interface Observation {
  /** Tells from here on whether the queue is there; before it, `/readyz` says that the process starts. */
  started(): void;
  close(): Promise<void>;
}

export interface ObserveOptions {
  /** Where to serve; nothing is served where `undefined`. */
  readonly listen: ListenAddress | undefined;
  /** The option or key that `listen` is from, for messages. */
  readonly origin: string;
  readonly queue: Queue;
  /** Whether the process makes progress. */
  readonly live: () => Verdict;
  /** Adds the process's own metrics, before the first scrape. */
  readonly register: (registry: MetricsRegistry, probe: QueueProbe) => void;
}

/** Begins to serve `/metrics`, `/healthz` and `/readyz`; `undefined` where nothing is to be served. Throws `LISTEN_FAILED`. */
export async function observe(
  app: Pick<App, 'clock' | 'logger' | 'signal'>,
  options: ObserveOptions,
): Promise<Observation | undefined> {
  const { listen, origin, queue, live, register } = options;
  if (listen === undefined) return undefined;
  const registry = await metricsRegistry();
  const probe = queueProbe(queue, app.clock);
  const verdict = () => (app.signal.aborted ? { ok: true, body: { status: 'draining' } } : live());
  processMetrics(registry, { version: VERSION, isAlive: () => verdict().ok });
  register(registry, probe);
  const told = teller(app.logger);
  let starting = true;
  const server = await serveHealth(
    { ...listen, origin },
    {
      metrics: async () => ({
        contentType: registry.registry.contentType,
        text: await registry.registry.metrics(),
      }),
      live: () => told(verdict()),
      ready: () => readiness(app.signal, starting, probe),
    },
  );
  app.logger.info(`metrics at ${server.url}/metrics`);
  return {
    started() {
      starting = false;
    },
    close: server.close,
  };
}

/** Logs when the process becomes stuck, before somebody ends it for that. */
function teller(logger: Logger): (verdict: Verdict) => Verdict {
  let wasOk = true;
  return (verdict) => {
    if (wasOk && !verdict.ok) logger.error('no progress: /healthz says so', verdict.body);
    wasOk = verdict.ok;
    return verdict;
  };
}

async function readiness(signal: AbortSignal, starting: boolean, probe: QueueProbe): Promise<Verdict> {
  if (signal.aborted) return { ok: false, body: { status: 'draining' } };
  const answer = await probe();
  if (!answer.up) return { ok: false, body: { status: 'unavailable', code: answer.code } };
  return starting ? { ok: false, body: { status: 'starting' } } : { ok: true, body: { status: 'ready' } };
}

/** The verdict of several: the first that is stuck, else the first. */
export function firstStuck(...verdicts: readonly [() => Verdict, ...(() => Verdict)[]]): () => Verdict {
  return () => verdicts.map((verdict) => verdict()).find(({ ok }) => !ok) ?? verdicts[0]();
}

/** Liveness of what a process works on: who is stuck, and since when. */
export function livenessVerdict(liveness: Liveness): Verdict {
  const stuck = liveness.stuck();
  if (stuck === undefined) return { ok: true, body: { status: 'ok' } };
  return { ok: false, body: { status: 'stuck', ...stuck.fields, silentSeconds: Math.round(stuck.silentMs / 1000) } };
}

/** How long a loop may be silent before it counts as stuck. */
const STUCK_MS = 60_000;

/** Liveness of a loop that beats while it goes on. */
export interface Heartbeat {
  beat(): void;
  live(): Verdict;
}

/** A heartbeat that counts as beaten when it is made. */
export function heartbeat(clock: Clock): Heartbeat {
  let beatenAt = clock.monotonic();
  return {
    beat() {
      beatenAt = clock.monotonic();
    },
    live() {
      const silentMs = clock.monotonic() - beatenAt;
      const ok = silentMs < STUCK_MS;
      return { ok, body: { status: ok ? 'ok' : 'stuck', silentSeconds: Math.round(silentMs / 1000) } };
    },
  };
}
