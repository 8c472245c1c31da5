import type { RunContext } from '../coordinator/carry-out.ts';
import { type Verified, verifyTable } from '../coordinator/verify.ts';
import type { VerifyRequest } from '../coordinator/verify-plan.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { differing } from '../shared/domain/comparison.ts';
import type { OpenedConfig } from './app.ts';
import { isoOrNull, JSON_SCHEMA_VERSION, resultJson } from './json.ts';
import type { VerifyResult } from './results.ts';

/** How a table is compared with its source. */
export type VerifyAsked = Pick<VerifyRequest, 'isDeep' | 'repairs' | 'sample' | 'deletesAtMost'>;

/** One verification of this table, as its configuration says. */
export function verifyAsked(
  app: OpenedConfig,
  target: TableTarget,
  asked: VerifyAsked,
  context: RunContext,
): Promise<Verified> {
  const { pipeline, collection, settings } = target;
  return verifyTable({ ...asked, pipeline, collection, settings, columns: app.columns(target) }, context);
}

/** Whether something differs that was not repaired. */
export function stillDiffers({ differences, unconfirmed, repaired }: Verified): boolean {
  return unconfirmed > 0 || (differing(differences) > 0 && repaired === undefined);
}

/** A verification as `--json` prints it. */
export function verifyJson(table: string, found: Verified): VerifyResult {
  const { differences, different, repaired, watermark, checkedAt, ...rest } = found;
  const total = differing(differences) + rest.unconfirmed;
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: total === 0 ? 'equal' : stillDiffers(found) ? 'differs' : 'repaired',
    ...rest,
    watermark: isoOrNull(watermark),
    checkedAt: isoOrNull(checkedAt),
    ...differences,
    partitionsDiffering: different.map(({ partition, differences: own }) => ({ partition, ...own })),
    repaired: repaired === undefined ? null : resultJson(table, repaired),
  };
}
