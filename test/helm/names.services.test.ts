import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import {
  CONFIG,
  type Deployment,
  EXAMPLES,
  type KubernetesObject,
  pods,
  type Rendered,
  refusal,
  render,
  selects,
} from './chart.ts';

const EVERYTHING = EXAMPLES.everything ?? {};
/** What a name may be so long: of a Service, and of what becomes a label's value. */
const LONGEST = 63;

/** An object that picks pods by their labels. */
interface Selecting extends KubernetesObject {
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}

describeWith(['kubernetes'], 'names and labels of the chart', () => {
  it('stay as they are: an upgrade could not change a selector, and would make other objects of other names', async () => {
    const rendered = await render({ config: CONFIG, existingSecret: 's', dashboard: { enabled: true } });
    expect(names(rendered)).toEqual([
      'ConfigMap guest-mongolake',
      'Deployment guest-mongolake-coordinator',
      'Deployment guest-mongolake-dashboard',
      'Deployment guest-mongolake-worker',
      'Pod guest-mongolake-check-0',
      'PodDisruptionBudget guest-mongolake-worker',
      'Service guest-mongolake-dashboard',
      'ServiceAccount guest-mongolake',
    ]);
    for (const { metadata, spec } of rendered.all<Deployment>('Deployment')) {
      expect(spec.selector).toEqual({
        matchLabels: {
          'app.kubernetes.io/name': 'mongolake',
          'app.kubernetes.io/instance': 'guest',
          'app.kubernetes.io/component': metadata.name.replace('guest-mongolake-', ''),
        },
      });
    }
  });

  it('labels of people are in no selector, and reach every object and pod', async () => {
    const labels = { team: 'data', n: '1', 'example.com/cost': '' };
    const plain = await render({ ...EVERYTHING, commonLabels: {}, commonAnnotations: {} });
    const labelled = await render({ ...EVERYTHING, commonLabels: labels, commonAnnotations: { owner: 'us' } });
    const selectors = (rendered: Rendered) => rendered.all<Deployment>('Deployment').map(({ spec }) => spec.selector);
    expect(selectors(labelled)).toEqual(selectors(plain));
    for (const { metadata } of labelled.objects) {
      expect(metadata.labels).toMatchObject({ ...labels, 'app.kubernetes.io/instance': 'guest' });
      expect(metadata.annotations).toMatchObject({ owner: 'us' });
    }
    for (const { metadata } of pods(labelled)) expect(metadata.labels).toMatchObject(labels);
  });

  it('labels of one component win over those of all', async () => {
    const rendered = await render({ commonLabels: { team: 'data' }, worker: { podLabels: { team: 'work' } } });
    const team = (name: string) => rendered.deployment(name).spec.template.metadata.labels.team;
    expect([team('coordinator'), team('worker')]).toEqual(['data', 'work']);
  });

  it('a label that a selector needs is refused', async () => {
    const name = 'app.kubernetes.io/name';
    expect(await refusal({ commonLabels: { [name]: 'x' } })).toContain(`commonLabels.${name} is set by the chart`);
    const component = { worker: { podLabels: { 'app.kubernetes.io/component': 'x' } } };
    expect(await refusal(component)).toContain('worker.podLabels.app.kubernetes.io/component is set by the chart');
  });

  it('every selector takes the pods of its component and no others', async () => {
    const rendered = await render(EVERYTHING);
    const all = pods(rendered).map(({ metadata }) => metadata.labels);
    const components = (picks: (labels: Readonly<Record<string, string>>) => boolean) =>
      all.filter(picks).map((labels) => labels['app.kubernetes.io/component']);
    for (const { metadata, spec } of rendered.all<Deployment>('Deployment')) {
      const component = metadata.name.replace('guest-lake-', '');
      expect(components((labels) => selects(spec.selector, labels))).toEqual([component]);
    }
    const services = rendered.all<Selecting>('Service');
    expect(services).toHaveLength(3);
    for (const { metadata, spec } of services) {
      const component = metadata.name.replace('guest-lake-', '');
      expect(components((labels) => selects({ matchLabels: spec.selector }, labels))).toEqual([component]);
    }
  });

  it('long names of releases differ where the releases do, and fit', async () => {
    // The name of the release is that of its objects, as it has the chart's in it.
    const long = 'a-team-with-a-long-name-and-a-lake-of-guests-in-a-region';
    const releases = [44, 45, 50, 53].flatMap((length) =>
      ['1', '2'].map((end) => `${long.slice(0, length - 1)}${end}`),
    );
    const rendered = await Promise.all(releases.map((release) => render(EVERYTHING, { release })));
    const all = rendered.flatMap((each) => names(each));
    // The service account's name is given.
    const unique = all.filter((name) => name !== 'ServiceAccount lake');
    expect(new Set(unique).size).toBe(unique.length);
    for (const name of all) expect(name.split(' ')[1]?.length).toBeLessThanOrEqual(LONGEST);
    for (const name of unique) expect(name).toMatch(/ [a-z]([-a-z0-9]*[a-z0-9])?$/);
  });

  it('a name that no Service can have is refused', async () => {
    const said = await render(EVERYTHING, { release: '1lake' }).catch((error: Error) => error.message);
    expect(said).toContain('1lake is no name for a Service');
    expect(names(await render({ ...EVERYTHING, fullnameOverride: 'one' }, { release: '1lake' }))).toContain(
      'Service one-dashboard',
    );
  });

  it('two objects of one release never have one name', async () => {
    const all = names(await render(EVERYTHING));
    expect(new Set(all).size).toBe(all.length);
  });
});

function names({ objects }: Rendered): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
}
