import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { alertsText, rulesOf } from './rules.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const RULES = rulesOf(alertsText());
const NAMES = RULES.map(({ alert }) => alert);

it.each(RULES.map((rule) => [rule.alert, rule] as const))(
  '%s says how bad it is, what it is, and where to read on',
  (name, rule) => {
    expect(name).toMatch(/^Mongolake[A-Z]/);
    expect(rule.for).toMatch(/^\d+[smh]$/);
    expect(rule.labels).toEqual({ severity: expect.stringMatching(/^(?:critical|warning)$/) });
    expect(rule.annotations).toEqual({
      summary: expect.stringMatching(/\S/),
      description: expect.stringMatching(/\.$/),
      runbook_url: `docs/operations.md#${name.toLowerCase()}`,
    });
  },
);

it('no two alerts have one name, and the chart can leave out each', () => {
  expect(new Set(NAMES).size).toBe(NAMES.length);
  const schema = JSON.parse(read('helm/values.schema.json'));
  expect(schema.properties.prometheusRule.properties.disabled.items.enum).toEqual(NAMES);
});

it('docs/metrics.md lists each alert, with its severity', () => {
  const listed = [...read('docs/metrics.md').matchAll(/^\| `(Mongolake\w+)` +\|.*\| (\w+) +\|$/gm)];
  const told = listed.map(([, name, severity]) => ({ name, severity }));
  expect(told).toEqual(RULES.map(({ alert, labels }) => ({ name: alert, severity: labels.severity })));
});

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[];
  }[];
}

it('each has a case in which it fires, and one in which it does not', () => {
  const folder = new URL('./alerts/', import.meta.url);
  const cases = readdirSync(folder)
    .flatMap((file) => (parse(readFileSync(new URL(file, folder), 'utf8')) as RuleTests).tests)
    .flatMap((test) => test.alert_rule_test ?? []);
  const fires = cases.filter(({ exp_alerts }) => (exp_alerts ?? []).length > 0).map(({ alertname }) => alertname);
  const silent = cases.filter(({ exp_alerts }) => (exp_alerts ?? []).length === 0).map(({ alertname }) => alertname);
  expect(new Set(fires)).toEqual(new Set(NAMES));
  expect(new Set(silent)).toEqual(new Set(NAMES));
});
