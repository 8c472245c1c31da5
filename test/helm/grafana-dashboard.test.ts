// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Grafana are written so
import { expect, it } from 'vitest';
import { dashboard, type Panel, questions } from './grafana.ts';

const { uid, title, templating, panels } = dashboard();
const charts = panels.filter(({ type }) => type !== 'row');

it('has a name that stays, and asks which Prometheus, namespace and table', () => {
  expect([uid, title]).toEqual(['mongolake', 'mongolake']);
  const [source, ...rest] = templating.list;
  expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
  // Outside of Kubernetes there is no namespace: .* is true of none, too.
  expect(rest.map(({ name, allValue }) => [name, allValue])).toEqual([
    ['namespace', '.*'],
    ['table', '.*'],
  ]);
});

it('each panel has a number, a title and a place of its own', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(charts.map((panel) => panel.title)).size).toBe(charts.length);
  for (const { title: of, gridPos } of panels) {
    expect(gridPos.x + gridPos.w, of).toBeLessThanOrEqual(24);
    expect(Math.min(gridPos.w, gridPos.h), of).toBeGreaterThan(0);
  }
  const overlaps = panels.flatMap((one, i) => panels.slice(i + 1).filter((other) => overlap(one, other)));
  expect(overlaps).toEqual([]);
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** Ids of Grafana's own units. */
const UNITS = ['none', 'short', 's', 'bytes', 'Bps', 'ops', 'percentunit'];

it('each chart says its unit, and asks the chosen Prometheus', () => {
  for (const { title: of, fieldConfig, targets = [] } of charts) {
    expect(UNITS, of).toContain(fieldConfig?.defaults.unit);
    expect(targets.length, of).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size, of).toBe(targets.length);
    for (const { datasource } of targets) expect(datasource.uid, of).toBe('${datasource}');
  }
});

it('durations and times are in seconds, shares without one', () => {
  for (const { title: of, fieldConfig, targets = [] } of charts) {
    const unit = fieldConfig?.defaults.unit;
    const isShare = targets.some(
      ({ expr }) => /_limit_(?:seconds|bytes)\{[^}]*\}\)?$|scratch_size/.test(expr) && expr.includes(' / '),
    );
    if (isShare) expect(unit, of).toBe('percentunit');
    else if (
      targets.some(({ expr }) =>
        /histogram_quantile|duration_seconds_sum|^max by \(namespace, table\) \(time\(\)/.test(expr),
      )
    )
      expect(unit, of).toBe('s');
  }
});

it('tables of one name in two namespaces are two lines', () => {
  const ofTables = charts.flatMap(({ title: of, targets = [] }) =>
    targets
      .filter(({ expr }) => /by \([^)]*\btable\b/.test(expr))
      .map(({ expr, legendFormat }) => ({ of, expr, legendFormat })),
  );
  expect(ofTables.length).toBeGreaterThan(10);
  for (const { of, expr, legendFormat } of ofTables) {
    expect(expr, of).toContain('by (namespace, table');
    expect(legendFormat, of).toContain('{{namespace}} {{table}}');
  }
});

it('no question has another variable than those', () => {
  expect(() => questions()).not.toThrow();
});
