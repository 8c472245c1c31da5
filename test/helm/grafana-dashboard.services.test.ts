import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type ConfigMap, render } from './chart.ts';
import { dashboardText } from './grafana.ts';

describeWith(['kubernetes'], 'the dashboard of the chart', () => {
  it('comes in a ConfigMap of its own with the label of the sidecar, where it is asked for', async () => {
    const names = (await render({})).objects.map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.endsWith('-grafana'))).toEqual([]);
    const rendered = await render({ grafanaDashboard: { enabled: true } });
    const { metadata, data } = rendered.one<ConfigMap>('ConfigMap', '-grafana');
    expect(metadata).toMatchObject({ labels: { grafana_dashboard: '1' } });
    expect(Object.keys(data)).toEqual(['mongolake.json']);
    expect(data['mongolake.json']).toBe(dashboardText());
  });

  it('takes the labels that are given instead', async () => {
    const values = { grafanaDashboard: { enabled: true, labels: { dashboards: 'lake', grafana_dashboard: null } } };
    const { metadata } = (await render(values)).one<ConfigMap>('ConfigMap', '-grafana');
    expect(metadata).toMatchObject({ labels: { dashboards: 'lake' } });
    expect(metadata).not.toMatchObject({ labels: { grafana_dashboard: '1' } });
  });
});
