import { hasWork, type Preview, type PreviewRequest, previewRun } from '../coordinator/preview.ts';
import type { OpenedConfig } from './app.ts';
import { isoOrNull, JSON_SCHEMA_VERSION } from './json.ts';
import type { PlanResult } from './results.ts';
import { type Outcome, readTables } from './tables.ts';

/** What a run that was asked for now would do to each table that the target names. */
export async function previewTables(
  app: OpenedConfig,
  name: string | undefined,
  asked: Pick<PreviewRequest, 'mode' | 'from' | 'to' | 'replace'>,
): Promise<readonly Outcome<Preview>[]> {
  return readTables(app, await app.targets(name), async (target, storage) => {
    const source = app.source(target);
    try {
      const context = { storage, source, clock: app.clock, signal: app.signal };
      return await previewRun({ ...asked, settings: target.settings, columns: app.columns(target) }, context);
    } finally {
      await source.close();
    }
  });
}

/** A preview as `--json` prints it. */
export function planJson(table: string, preview: Preview): PlanResult {
  const { scope, changes, documents, rewrite } = preview;
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: preview.base === undefined ? 'first-load' : hasWork(preview) ? 'work' : 'nothing-to-do',
    mode: preview.mode,
    replace: preview.replace,
    version: preview.base ?? null,
    window: boundsJson(changes ?? (scope.kind === 'full' ? { from: null, to: null } : scope)),
    full: scope.kind === 'full' && changes === undefined,
    watermark: isoOrNull(preview.watermark),
    nextWatermark: isoOrNull(preview.nextWatermark),
    documents: documents.count ?? null,
    documentsBasis: documents.basis,
    bytes: preview.bytes ?? null,
    ranges: preview.ranges,
    partitions: preview.partitions,
    rewrite,
    writeAmplification: preview.amplification ?? null,
    withoutCursor: preview.withoutCursor?.documents ?? null,
    notes: preview.notes,
  };
}

function boundsJson({ from, to }: { readonly from: number | null; readonly to: number | null }): PlanResult['window'] {
  return { from: isoOrNull(from), to: isoOrNull(to) };
}
