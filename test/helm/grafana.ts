import { readFileSync } from 'node:fs';

/** What a panel asks of Prometheus. */
export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly datasource: { readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  /** None in a row's heading. */
  readonly targets?: readonly Target[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
  readonly allValue?: string;
}

/** The model of a Grafana dashboard, as far as the tests look at it. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

const FILE = new URL('../../helm/files/grafana-dashboard.json', import.meta.url);

/** The text of the dashboard that the chart deploys. */
export function dashboardText(): string {
  return readFileSync(FILE, 'utf8');
}

export function dashboard(): Dashboard {
  return JSON.parse(dashboardText()) as Dashboard;
}

/** What each panel asks, by its title, as Grafana sends it where everything is chosen. */
export function questions(): readonly { readonly title: string; readonly expr: string }[] {
  return dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, expr: filledIn(expr) })),
  );
}

function filledIn(expr: string): string {
  const values: Readonly<Record<string, string>> = { $namespace: '.*', $table: '.*', $__rate_interval: '1m' };
  return expr.replaceAll(/\$\w+/g, (variable) => {
    const value = values[variable];
    if (value === undefined) throw new Error(`${variable} is no variable of the dashboard`);
    return value;
  });
}

/** Names of metrics in an expression, but for those of histograms' parts, which are named as the histogram is. */
export function metricsIn(expr: string): readonly string[] {
  const names = expr.match(/\b(?:mongolake|process|nodejs)_[a-z0-9_]+\b/g) ?? [];
  return names.map((name) => name.replace(/_(?:bucket|sum|count)$/, ''));
}
