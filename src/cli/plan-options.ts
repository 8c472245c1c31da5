import type { WorkAsked } from '../app/plan.ts';
import { checkLayout } from '../app/requests.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { PLAN_KINDS, type PlanKind } from './arguments.ts';
import { givenIds } from './given-ids.ts';

export interface PlanOptions {
  readonly for?: PlanKind;
  readonly backfill?: boolean;
  readonly replace?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly deep?: boolean;
  /** Percent. */
  readonly sample?: number;
  readonly partitions?: number;
  readonly idType?: 'string';
  readonly id?: readonly string[];
  readonly idsFile?: string;
  readonly purge?: boolean;
  readonly detailedExitcode?: boolean;
}

/** The options of each command that change what it touches, as they are typed. */
const OWN: Readonly<Record<PlanKind, Partial<Record<keyof PlanOptions, string>>>> = {
  sync: { from: '--from', to: '--to' },
  backfill: { backfill: '--backfill', replace: '--replace', from: '--from', to: '--to' },
  verify: { deep: '--deep', sample: '--sample' },
  compact: {},
  repartition: { partitions: '--partitions', idType: '--id-type' },
  erase: { id: '--id', idsFile: '--ids-file', purge: '--purge' },
};

/** Which command is meant. Throws `USAGE` for an option that another command takes. */
export function planKind(options: PlanOptions): PlanKind {
  const kind = options.for ?? (options.backfill || options.replace ? 'backfill' : 'sync');
  for (const [option, typed] of Object.values(OWN).flatMap(Object.entries<string>)) {
    if (options[option as keyof PlanOptions] === undefined || option in OWN[kind]) continue;
    const owners = PLAN_KINDS.filter((other) => option in OWN[other]);
    throw new MongolakeError('USAGE', `plan: ${typed} is not of ${kind}`, {
      hint: `Say \`--for ${owners.join('` or `--for ')}\` with it, or leave it out.`,
    });
  }
  return kind;
}

/** What is asked of a command that is no run of the source. Throws `USAGE`. */
export async function workAsked(
  kind: Exclude<PlanKind, 'sync' | 'backfill'>,
  options: PlanOptions,
): Promise<WorkAsked> {
  const { deep = false, sample = 100, partitions, idType, purge = false } = options;
  switch (kind) {
    case 'verify':
      return { kind, isDeep: deep, sample: sample / 100 };
    case 'compact':
      return { kind };
    case 'repartition':
      return { kind, layout: checkLayout({ partitions, idType }) };
    case 'erase':
      return { kind, ids: await givenIds(options), purges: purge };
  }
}
