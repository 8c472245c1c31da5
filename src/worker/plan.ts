import { readJson } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { planKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** Whether a worker knows all that a plan of this version of mongolake may ask for. */
export type Understands = (engineVersion: string) => boolean;

/**
 * The plan of a run. Throws `WORKER_VERSION` where another version of mongolake made it: what this one does not know of it would be passed
 * over in silence.
 */
export async function readPlan(run: string, storage: Storage, understands: Understands): Promise<Plan> {
  const plan = await readJson<Plan>(storage, planKey(run));
  if (understands(plan.engineVersion)) return plan;
  throw new MongolakeError(
    'WORKER_VERSION',
    `mongolake ${plan.engineVersion} planned run ${run}, and this worker is of another version`,
    { hint: 'Coordinator and workers must be of one version: finish the rollout. The run goes on then.' },
  );
}
