import type { Plan } from '../shared/domain/plan.ts';
import { positionTime, positionTimeOrNull } from '../shared/domain/position.ts';

/** What people are told of a plan, in epoch milliseconds, whether it reads by a cursor or a change stream. */

/** Between which times it reads; `null` where there is no bound. */
export function readBounds({ scope, reads, position }: Pick<Plan, 'scope' | 'reads' | 'position'>): {
  readonly from: number | null;
  readonly to: number | null;
} {
  if (reads === 'changes' && position !== undefined)
    return { from: positionTimeOrNull(position.from), to: positionTime(position.to) };
  return scope.kind === 'window' ? { from: scope.from, to: scope.to } : { from: null, to: null };
}

/** Up to when the table has all changes after it; `null` where that can't be said. */
export function readUntil({ nextWatermark, position }: Pick<Plan, 'nextWatermark' | 'position'>): number | null {
  return position === undefined ? nextWatermark : positionTime(position.to);
}
