import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { metricsIn, questions } from '../helm/grafana.ts';
import { alertsText, rulesOf } from '../helm/rules.ts';
import { describeWith } from '../services/context.ts';
import { promtool } from '../services/prometheus.ts';
import { parseExposition } from '../shared/adapters/exposition.ts';
import { type Monitoring, monitoring } from './alerts-house.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { servedBy } from './served.ts';

/** What has nothing to show here: no limit of memory, and no run that goes on at just this moment. */
const WITHOUT_DATA = ['Memory against the limit', 'How long runs have been going on'];
const SLOW_MS = 120_000;

/** The examples of docs/metrics.md. */
function documentedQueries(): readonly string[] {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const block = /```promql\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  return block.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describeWith(['prometheus', 'redis'], 'what Prometheus reads of coordinator and worker', ({ redis }) => {
  let monitor: Monitoring;
  let space: Workspace;
  const pages: Record<string, string> = {};

  beforeAll(async () => {
    monitor = await monitoring('0s');
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      queue: { kind: 'redis', url: redis.url, prefix: redis.prefix },
      defaults: { partitions: 2, schedule: '1s', verifySchedule: '1s' },
      coordinator: { listen: '127.0.0.1:0' },
      worker: { listen: '127.0.0.1:0', scratch: './scratch' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['guests'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    const documents = Array.from({ length: 50 }, (_, _id) => ({ _id, updateTime: new Date(1_760_000_000_000 + _id) }));
    writeDump(`${space.folder}/dump/guest/guests.bson`, documents, new Date('2026-06-01T00:00:00Z'));
    for (const command of ['coordinator', 'worker']) {
      const process = space.start(command);
      await monitor.watch(command, process);
      const { address, reaches } = await servedBy(process);
      if (command === 'worker')
        await reaches('mongolake_jobs_total', { kind: 'merge', result: 'done' }, (jobs) => jobs > 0);
      pages[command] = await (await fetch(`http://${address}/metrics`)).text();
    }
  });
  afterAll(async () => {
    await space.close();
    await monitor.prometheus.stop();
  });

  it('names, types and units are as Prometheus wants them', () => {
    for (const [command, page] of Object.entries(pages)) {
      const { output } = promtool(['check', 'metrics'], page);
      // Node's own are named by the library.
      const problems = output.split('\n').filter((line) => line.startsWith('mongolake_'));
      expect(problems, command).toEqual([]);
    }
    const wrong = '# HELP mongolake_total x\n# TYPE mongolake_total gauge\nmongolake_total 1\n';
    expect(promtool(['check', 'metrics'], wrong).output).toContain('mongolake_total non-counter');
  });

  it('alerts, dashboard and documentation ask for metrics that there are', () => {
    const known = new Set(Object.values(pages).flatMap((page) => [...parseExposition(page).keys()]));
    const asked = [
      ...rulesOf(alertsText()).map(({ alert, expr }) => [alert, expr]),
      ...questions().map(({ title, expr }) => [title, expr]),
      ...documentedQueries().map((expr) => ['docs/metrics.md', expr]),
    ] as [string, string][];
    const unknown = asked.flatMap(([who, expr]) =>
      metricsIn(expr)
        .filter((name) => !known.has(name))
        .map((name) => `${who}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('every question of the dashboard is understood, and answered', { timeout: SLOW_MS }, async () => {
    const isEmpty = async ({ expr }: { readonly expr: string }) => (await monitor.prometheus.query(expr)).length === 0;
    await vi.waitFor(
      async () => {
        const empty = await Promise.all(questions().map(async (each) => ((await isEmpty(each)) ? [each] : [])));
        expect(empty.flat().filter(({ title }) => !WITHOUT_DATA.includes(title))).toEqual([]);
      },
      { timeout: 60_000, interval: 500 },
    );
  });

  it('so is every query of the documentation', async () => {
    expect(documentedQueries().length).toBeGreaterThan(5);
    for (const query of documentedQueries())
      await expect(monitor.prometheus.query(query), query).resolves.toBeDefined();
    await expect(monitor.prometheus.query('rate(mongolake_tables)')).rejects.toThrow(/expected type range vector/);
  });
});
