import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { describeWith } from '../services/context.ts';
import { promtool } from '../services/prometheus.ts';
import { type KubernetesObject, refusal, render } from './chart.ts';
import { ALERTS_FILE, alertsText, type RuleFile, rulesOf } from './rules.ts';

const FOLDER = fileURLToPath(new URL('./alerts/', import.meta.url));

describeWith(['prometheus'], 'the rule file', () => {
  it('is one that Prometheus takes', () => {
    expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', ALERTS_FILE])).toMatchObject({ code: 0 });
  });

  it.each(readdirSync(FOLDER))('%s: alerts fire when they should, and only then', (file) => {
    const { code, output } = promtool(['test', 'rules', `${FOLDER}${file}`]);
    expect(code, output).toBe(0);
  });
});

interface PrometheusRule extends KubernetesObject {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: RuleFile;
}

describeWith(['kubernetes'], 'the PrometheusRule of the chart', () => {
  const rule = async (prometheusRule: object) =>
    (await render({ prometheusRule: { enabled: true, ...prometheusRule } })).one<PrometheusRule>('PrometheusRule');

  it('is made where it is asked for', async () => {
    expect((await render({})).objects.map(({ kind }) => kind)).not.toContain('PrometheusRule');
  });

  it('has the rules of the file as they are, with the labels that are given', async () => {
    const { metadata, spec } = await rule({ labels: { release: 'kube-prometheus-stack' } });
    expect(rulesOf(stringify(spec))).toEqual(rulesOf(alertsText()));
    expect(metadata.labels).toMatchObject({ release: 'kube-prometheus-stack', 'app.kubernetes.io/name': 'mongolake' });
  });

  it('leaves out what is disabled, and names the runbook that is given', async () => {
    const left = ['MongolakeEventLoopSlow', 'MongolakeTableStale'];
    const runbookUrl = 'https://wiki.example.com/mongolake';
    const { spec } = await rule({ disabled: left, runbookUrl });
    const expected = rulesOf(alertsText()).filter(({ alert }) => !left.includes(alert));
    const rules = rulesOf(stringify(spec));
    expect(rules.map(({ alert }) => alert)).toEqual(expected.map(({ alert }) => alert));
    for (const { alert, annotations } of rules)
      expect(annotations.runbook_url).toBe(`${runbookUrl}#${alert.toLowerCase()}`);
    const queue = ['MongolakeQueueUnreachable', 'MongolakeJobsWaiting', 'MongolakeJobsFailing'];
    expect((await rule({ disabled: queue })).spec.groups.map(({ name }) => name)).not.toContain('mongolake-queue');
  });

  it('refuses an alert that there is not', async () => {
    expect(await refusal({ prometheusRule: { disabled: ['MongolakeTableStail'] } })).toContain(
      '/prometheusRule/disabled/0',
    );
  });
});
