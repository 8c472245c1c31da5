import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from './command.ts';
import { canInstallPackages, installPackage } from './debian.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, serverFolder, startServer } from './server.ts';

/** Prometheus and promtool. Suites start servers of their own: `startPrometheus`. */
export interface PrometheusProgram {
  readonly available: true;
}

/** An alert as Prometheus has it: `pending` until its rule's `for` has passed. */
export interface Alert {
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A sample of an instant query. */
export interface QueriedSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus process of ours that scrapes and evaluates its rules every second. */
export interface PrometheusServer extends Server {
  readonly available: true;
  /** http://127.0.0.1:port */
  readonly url: string;
  /** Scrapes these from now on and nothing else: addresses (`127.0.0.1:9464`) by job. */
  scrape(targets: Readonly<Record<string, readonly string[]>>): void;
  /** Those that are pending or fire. */
  alerts(): Promise<readonly Alert[]>;
  /** The answer to an instant query. Throws what Prometheus says against it. */
  query(expression: string): Promise<readonly QueriedSample[]>;
}

const START_MS = 30_000;
const RUN_MS = 60_000;

/** Prometheus on the PATH, else Debian's package. */
export async function preparePrometheus(): Promise<Started<PrometheusProgram>> {
  return orUnavailable('Prometheus', async () => {
    const program = await findPrometheus();
    if (program === undefined)
      return unavailable('prometheus is not on the PATH (and this is not root on Debian, to install it)');
    if (findOnPath('promtool') === undefined) return unavailable('promtool, which comes with it, is not on the PATH');
    return { available: true };
  });
}

/** Starts a Prometheus of ours that has no data yet, with the text of a rule file. It scrapes nothing before it is told to. */
export async function startPrometheus(rules: string): Promise<Started<PrometheusServer>> {
  return orUnavailable('Prometheus', async () => {
    const program = await findPrometheus();
    if (program === undefined) return unavailable('prometheus is not on the PATH');
    return onPort(undefined, (port) => startOn(program, port, rules));
  });
}

/** Runs promtool. Gives its exit code, and what it said on both outputs. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8', timeout: RUN_MS });
  if (error !== undefined) throw error;
  return { code: status, output: `${stdout}${stderr}` };
}

async function findPrometheus(): Promise<string | undefined> {
  return findOnPath('prometheus') ?? (canInstallPackages() ? installPackage('prometheus', 'prometheus') : undefined);
}

async function startOn(program: string, port: number, rules: string): Promise<PrometheusServer> {
  const folder = serverFolder('prometheus');
  const url = `http://127.0.0.1:${port}`;
  const targets = join(folder, 'targets');
  mkdirSync(targets);
  writeFileSync(join(folder, 'alerts.yaml'), rules);
  writeFileSync(join(folder, 'prometheus.yaml'), CONFIG);
  const scrape: PrometheusServer['scrape'] = (byJob) => {
    const groups = Object.entries(byJob).map(([job, addresses]) => ({ targets: addresses, labels: { job } }));
    writeFileSync(join(targets, 'all.json'), JSON.stringify(groups));
  };
  scrape({});
  const server = await startServer(folder, {
    program,
    args: [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    ready: async () => {
      if (!(await fetch(`${url}/-/ready`)).ok) throw new Error('it is not ready');
    },
    deadlineMs: START_MS,
  });
  return {
    available: true,
    url,
    scrape,
    alerts: async () => ((await ask(`${url}/api/v1/alerts`)) as { readonly alerts: readonly Alert[] }).alerts,
    query: async (expression) => {
      const answer = await ask(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
      return (answer as { readonly result: readonly QueriedSample[] }).result;
    },
    ...server,
  };
}

/** As fast as it goes. Paths are relative to the file. */
const CONFIG = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: targets
    file_sd_configs: [{ files: [targets/*.json], refresh_interval: 1s }]
`;

async function ask(url: string): Promise<unknown> {
  const answer = (await (await fetch(url)).json()) as { readonly data?: unknown; readonly error?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.data;
}
