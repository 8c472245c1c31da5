import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PodTemplate } from '../helm/chart.ts';
import { guardProcess } from '../services/guard.ts';
import type { ApiObject, KubeClient } from '../services/kube/client.ts';
import { messageOf } from '../services/result.ts';
import { freePort, serverFolder } from '../services/server.ts';

/** A container that has ended. */
export interface EndedPod {
  readonly name: string;
  /** Whether the API server had asked for its end. */
  readonly asked: boolean;
  /** Its exit code; null where a signal ended it: SIGKILL after its grace period, SIGTERM before it could take that. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it had been ready before. */
  readonly wasReady: boolean;
}

/**
 * Stands in for scheduler and kubelet: pods of one namespace are processes of the built command line. A pod gets the files, the environment and the
 * arguments that its specification says, is ready when its readiness probe says so, and is ended by SIGTERM, with SIGKILL after its grace
 * period. Of a container there is nothing: no image, no limits, no user, no file system of its own.
 */
export interface Kubelet {
  /** Names of the pods whose process runs now. */
  running(): readonly string[];
  readonly ended: readonly EndedPod[];
  /** `started NAME` and `ended NAME`, in their order. */
  readonly history: readonly string[];
  /** What it could not do; it goes on and tries again. */
  readonly troubles: readonly string[];
  /** What a pod's process printed. */
  logOf(name: string): string;
  /** Kills what runs. */
  stop(): Promise<void>;
}

interface Pod extends ApiObject {
  readonly metadata: ApiObject['metadata'] & { readonly uid: string };
  readonly spec: PodTemplate['spec'] & { readonly nodeName?: string };
  readonly status: { readonly phase: string };
}

interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  /** Where its readiness is asked for; a pod that ends by itself has none. */
  readonly probe: string | undefined;
  ready: boolean;
  killer?: NodeJS.Timeout;
}

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const LOOK_MS = 200;
const PROBE_MS = 2_000;

/** Starts to look after the pods of `namespace` whose component is in `components` (label `app.kubernetes.io/component`). */
export function startKubelet(client: KubeClient, namespace: string, components: readonly string[]): Kubelet {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const selector = encodeURIComponent(`app.kubernetes.io/component in (${components.join(',')})`);
  const processes = processTable();
  const troubles: string[] = [];

  const lookAfter = async (pod: Pod) => {
    const { name, uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    const process = processes.running.get(name);
    const end = processes.ended.find((one) => one.name === name);
    if (pod.spec.nodeName === undefined) {
      const target = { kind: 'Node', name: 'this-machine' };
      await client.request('POST', `${pods}/${name}/binding`, { metadata: { name }, target });
    } else if (deletionTimestamp !== undefined && process === undefined) {
      await client.request('DELETE', `${pods}/${name}`, { gracePeriodSeconds: 0, preconditions: { uid } });
    } else if (deletionTimestamp !== undefined && process !== undefined) {
      if (process.killer !== undefined) return;
      process.killer = setTimeout(() => process.child.kill('SIGKILL'), deletionGracePeriodSeconds * 1000);
      process.child.kill('SIGTERM');
    } else if (process !== undefined) {
      const ready = process.probe === undefined || (await answers(process.probe));
      if (ready === process.ready) return;
      await client.request('PATCH', `${pods}/${name}/status`, { status: statusOf(ready) });
      process.ready = ready;
    } else if (end === undefined) {
      const home = serverFolder('pod');
      try {
        processes.start(name, home, await planOf(client, namespace, pod, home));
      } catch (error) {
        rmSync(home, { recursive: true });
        throw error;
      }
    } else if (pod.status.phase === 'Running') {
      await client.request('PATCH', `${pods}/${name}/status`, { status: endOf(pod, end.code) });
    }
  };

  const look = async () => {
    const path = `${pods}?labelSelector=${selector}`;
    const { items } = await client.request<{ readonly items: readonly Pod[] }>('GET', path);
    for (const pod of items) await lookAfter(pod);
  };
  const loop = looped(look, (error) => troubles.push(messageOf(error)));
  return {
    running: () => [...processes.running.keys()],
    ended: processes.ended,
    history: processes.history,
    troubles,
    logOf: (name) => processes.logs.get(name) ?? '',
    async stop() {
      await loop.stop();
      const left = [...processes.running.values()];
      for (const { child } of left) child.kill('SIGKILL');
      await Promise.all(left.map(({ gone }) => gone));
    },
  };
}

/** How a pod's container is started as a process. */
interface Plan {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly probe: string | undefined;
}

/** The processes of pods, by their names. */
function processTable() {
  const running = new Map<string, Running>();
  const ended: EndedPod[] = [];
  const history: string[] = [];
  const logs = new Map<string, string>();
  const start = (name: string, home: string, { args, env, probe }: Plan) => {
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid === undefined) throw new Error(`${name} can't be started`);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => logs.set(name, `${logs.get(name) ?? ''}${text}`));
    }
    const guard = guardProcess(child.pid, home);
    const gone = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        const { killer, ready } = running.get(name) ?? { killer: undefined, ready: false };
        history.push(`ended ${name}`);
        ended.push({ name, asked: killer !== undefined, code, signal, wasReady: ready });
        clearTimeout(killer);
        running.delete(name);
        guard.processEnded();
        guard.release();
        resolve();
      });
    });
    history.push(`started ${name}`);
    running.set(name, { child, gone, probe, ready: false });
  };
  return { running, ended, history, logs, start };
}

/** Calls `work` again and again, a moment after its end each time. */
function looped(work: () => Promise<void>, onError: (error: unknown) => void) {
  let stopped = false;
  let wake = () => {};
  const run = async () => {
    while (!stopped) {
      await work().catch(onError);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const done = run();
  return {
    async stop() {
      stopped = true;
      wake();
      await done;
    },
  };
}

/** What a pod's container is as a process: its volumes become folders in `home`, and every path in them is said so. */
async function planOf(client: KubeClient, namespace: string, { metadata, spec }: Pod, home: string): Promise<Plan> {
  const [container] = spec.containers;
  const core = `/api/v1/namespaces/${namespace}`;
  const port = await freePort();
  const folders = container.volumeMounts.map(({ name, mountPath }) => [mountPath, join(home, name)] as const);
  const here = (text: string) =>
    folders
      .reduce((result, [from, to]) => result.replaceAll(from, to), text)
      .replaceAll(`0.0.0.0:${container.ports?.[0]?.containerPort}`, `127.0.0.1:${port}`);
  for (const [, folder] of folders) mkdirSync(folder, { recursive: true });
  for (const volume of spec.volumes) {
    if (!('configMap' in volume)) continue;
    const { name } = volume.configMap as { readonly name: string };
    const { data } = await client.request<WithData>('GET', `${core}/configmaps/${name}`);
    for (const [file, text] of Object.entries(data)) writeFileSync(join(home, `${volume.name}`, file), here(text));
  }
  const secret = async (name: string) => {
    const { data } = await client.request<WithData>('GET', `${core}/secrets/${name}`);
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', HOME: home, HOSTNAME: metadata.name };
  for (const { secretRef } of container.envFrom ?? []) Object.assign(env, await secret(secretRef.name));
  for (const { name, value = '', valueFrom } of container.env) {
    const reference = valueFrom?.secretKeyRef;
    env[name] = reference === undefined ? here(value) : ((await secret(reference.name))[reference.key] ?? '');
  }
  const path = container.readinessProbe?.httpGet.path;
  const probe = path === undefined ? undefined : `http://127.0.0.1:${port}${path}`;
  return { args: container.args.map(here), env, probe };
}

interface WithData extends ApiObject {
  readonly data: Readonly<Record<string, string>>;
}

async function answers(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
    return ok;
  } catch {
    return false;
  }
}

/** Of a pod that has ended by itself: of a Job, as one of a Deployment is never to. */
function endOf({ spec }: Pod, exitCode: number | null) {
  const [{ name, image }] = spec.containers;
  const state = { terminated: { exitCode: exitCode ?? 137, reason: exitCode === 0 ? 'Completed' : 'Error' } };
  const container = { name, image, imageID: '', ready: false, restartCount: 0, state };
  return { phase: exitCode === 0 ? 'Succeeded' : 'Failed', conditions: [], containerStatuses: [container] };
}

function statusOf(ready: boolean) {
  const status = ready ? 'True' : 'False';
  const lastTransitionTime = new Date().toISOString();
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: type.endsWith('eady') ? status : 'True',
    lastTransitionTime,
  }));
  return { phase: 'Running', conditions };
}
