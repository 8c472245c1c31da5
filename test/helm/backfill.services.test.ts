import { expect, it } from 'vitest';
import { EXIT } from '../../src/shared/domain/errors.ts';
import { describeWith } from '../services/context.ts';
import { EXAMPLES, type KubernetesObject, type PodTemplate, refusal, render, type Values } from './chart.ts';

interface Job extends KubernetesObject {
  readonly spec: {
    readonly backoffLimit: number;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly podFailurePolicy?: {
      readonly rules: readonly {
        readonly action: string;
        readonly onPodConditions?: readonly object[];
        readonly onExitCodes?: { readonly containerName: string; readonly values: readonly number[] };
      }[];
    };
    readonly template: PodTemplate;
  };
}

const BACKFILL = EXAMPLES.backfill ?? {};
const job = async (values: Values = BACKFILL, kubernetes = '1.33.0') =>
  (await render(values, { kubernetes })).one<Job>('Job');
const changed = (change: object): Values => ({
  ...BACKFILL,
  backfill: { ...(BACKFILL.backfill as object), ...change },
});

describeWith(['kubernetes'], 'the Job of a backfill', () => {
  it('is there only where it is asked for', async () => {
    const { objects } = await render({ ...BACKFILL, backfill: { enabled: false, target: 'guest.notifications' } });
    expect(objects.map(({ kind }) => kind)).not.toContain('Job');
  });

  it('runs the command with what was asked for, once, without restarts of its own', async () => {
    const args = async (change: object) => (await job(changed(change))).spec.template.spec.containers[0].args.slice(2);
    expect(await args({})).toEqual(['backfill', '--replace', 'guest.notifications']);
    const span = { replace: false, overwrite: true, from: '2026-01-01T00:00:00Z', to: '2026-02-01' };
    const bounds = ['--from', '2026-01-01T00:00:00Z', '--to', '2026-02-01'];
    expect(await args(span)).toEqual(['backfill', '--overwrite', ...bounds, 'guest.notifications']);
    const { spec } = await job();
    expect(spec.template.spec).toMatchObject({ restartPolicy: 'Never', terminationGracePeriodSeconds: 30 });
    expect(spec.template.spec.containers[0]).not.toHaveProperty('livenessProbe');
    expect(spec).toMatchObject({ backoffLimit: 3, activeDeadlineSeconds: 86_400 });
    expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect((await job(changed({ ttlSecondsAfterFinished: 60 }))).spec.ttlSecondsAfterFinished).toBe(60);
    expect((await job(changed({ activeDeadlineSeconds: 0 }))).spec).not.toHaveProperty('activeDeadlineSeconds');
  });

  it('tries again without counting what passes by itself, and gives up what no try can end otherwise', async () => {
    const rules = (await job()).spec.podFailurePolicy?.rules ?? [];
    const codes = rules.map(({ action, onExitCodes }) => [action, onExitCodes?.values ?? []]);
    expect(codes).toEqual([
      ['Ignore', []],
      ['Ignore', [EXIT.tryAgain]],
      ['FailJob', [EXIT.usage, EXIT.refused, EXIT.config]],
    ]);
    expect(rules[0]?.onPodConditions).toEqual([{ type: 'DisruptionTarget', status: 'True' }]);
    const [container] = (await job()).spec.template.spec.containers;
    for (const { onExitCodes } of rules.slice(1)) expect(onExitCodes).toMatchObject({ containerName: container.name });
    expect((await job(BACKFILL, '1.25.0')).spec).not.toHaveProperty('podFailurePolicy');
  });

  it('has another name where anything of it differs, as a Job can not be changed, and only there', async () => {
    const first = await job();
    const others = [
      changed({ target: 'guest.bookings' }),
      changed({ backoffLimit: 5 }),
      { ...BACKFILL, image: { tag: '9.9.9' } },
      { ...BACKFILL, commonLabels: { team: 'data' } },
      { ...BACKFILL, existingSecret: 'another' },
    ];
    for (const values of others) {
      const other = await job(values);
      expect(other.spec).not.toEqual(first.spec);
      expect(other.metadata.name).not.toBe(first.metadata.name);
    }
    const annotated = { ...BACKFILL, coordinator: { podAnnotations: { owner: 'us' } } };
    const before = await job(annotated);
    for (const change of [
      { keda: { enabled: true, maxReplicas: 99 } },
      { commonAnnotations: { owner: 'us' } },
      { config: { ...(BACKFILL.config as object), log: { level: 'debug' } } },
    ]) {
      const same = await job({ ...annotated, ...change });
      expect(same.spec).toEqual(before.spec);
      expect(same.metadata.name).toBe(before.metadata.name);
    }
  });

  it('runs where the coordinator may, with its resources unless it has its own', async () => {
    const coordinator = { nodeSelector: { pool: 'small' }, resources: { requests: { memory: '3Gi' } } };
    const { spec } = (await job({ ...BACKFILL, coordinator })).spec.template;
    expect(spec).toMatchObject({ nodeSelector: { pool: 'small' } });
    expect(spec.containers[0].resources.requests).toEqual({
      cpu: '100m',
      memory: '3Gi',
      'ephemeral-storage': '1Gi',
    });
    const own = changed({ resources: { requests: { memory: '5Gi' } } });
    expect((await job(own)).spec.template.spec.containers[0].resources).toEqual({
      requests: { memory: '5Gi', 'ephemeral-storage': '1Gi' },
    });
  });

  it.each([
    [changed({ target: '' }), 'backfill.target is empty: write PIPELINE.COLLECTION'],
    [changed({ target: 'gast.notifications' }), 'and config.pipelines has no "gast"'],
    [changed({ from: '2026-01-01' }), "a span can't replace the table"],
    [changed({ from: 'yesterday', replace: false }), "'/backfill/from': 'yesterday' does not match pattern"],
    [{ ...BACKFILL, keda: { enabled: false }, worker: { replicas: 0 } }, 'worker.replicas is 0'],
  ])('%# what can not be is refused', async (values, why) => {
    expect(await refusal(values)).toContain(why);
  });
});
