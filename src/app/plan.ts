import type { EraseRequest } from '../coordinator/erase.ts';
import type { Duration } from '../coordinator/pace.ts';
import { hasWork, type Preview, type PreviewContext, type PreviewRequest, previewRun } from '../coordinator/preview.ts';
import { previewErasure } from '../coordinator/preview-erase.ts';
import { previewCompaction, previewRepartition } from '../coordinator/preview-rewrite.ts';
import { previewVerification, type VerifyPreviewRequest } from '../coordinator/preview-verify.ts';
import type { Layout } from '../coordinator/repartition.ts';
import { type Work, type WorkFigures, workOfRun } from '../coordinator/work.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import type { OpenedConfig } from './app.ts';
import { isoOrNull, JSON_SCHEMA_VERSION } from './json.ts';
import type { FiguresResult, PlanResult, WorkResult } from './results.ts';
import { type Outcome, readTables } from './tables.ts';

/** What a run that was asked for now would do to each table that the target names. */
export async function previewTables(
  app: OpenedConfig,
  name: string | undefined,
  asked: Pick<PreviewRequest, 'mode' | 'from' | 'to' | 'replace'>,
): Promise<readonly Outcome<Preview>[]> {
  return withTables(app, name, (target, context) =>
    previewRun({ ...asked, settings: target.settings, columns: app.columns(target) }, context),
  );
}

/** What is asked of the commands that are no run of the source, as far as it changes what they touch. */
export type WorkAsked =
  | ({ readonly kind: 'verify' } & Pick<VerifyPreviewRequest, 'isDeep' | 'sample'>)
  | { readonly kind: 'compact' }
  | { readonly kind: 'repartition'; readonly layout: Layout }
  | ({ readonly kind: 'erase' } & Pick<EraseRequest, 'ids' | 'purges'>);

/** What such a command would do to each table that the target names. */
export async function previewWork(
  app: OpenedConfig,
  name: string | undefined,
  asked: WorkAsked,
): Promise<readonly Outcome<Work>[]> {
  return withTables(app, name, (target, context) => workFor(app, target, asked, context));
}

/** One function for each kind, whose answers have one shape. */
function workFor(app: OpenedConfig, target: TableTarget, asked: WorkAsked, context: PreviewContext): Promise<Work> {
  const { storage, source } = context;
  const { settings } = target;
  switch (asked.kind) {
    case 'verify':
      return previewVerification({ ...asked, settings, columns: app.columns(target) }, context);
    case 'compact':
      return previewCompaction({ settings }, storage, source);
    case 'repartition':
      return previewRepartition({ ...asked, settings }, storage, source);
    case 'erase':
      return previewErasure({ ...asked, keyed: app.keyed }, context);
  }
}

async function withTables<T>(
  app: OpenedConfig,
  name: string | undefined,
  preview: (target: TableTarget, context: PreviewContext) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  return readTables(app, await app.targets(name), async (target, storage) => {
    const source = app.source(target);
    try {
      return await preview(target, { storage, source, clock: app.clock, signal: app.signal });
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
    ...figuresOf(workOfRun(preview)),
    kind: preview.mode,
    notes: preview.notes,
  };
}

function boundsJson({ from, to }: { readonly from: number | null; readonly to: number | null }): PlanResult['window'] {
  return { from: isoOrNull(from), to: isoOrNull(to) };
}

/** What any other command would do, as `--json` prints it. */
export function workJson(table: string, work: Work): WorkResult {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: work.isDue ? 'work' : 'nothing-to-do',
    kind: work.kind,
    version: work.version,
    ...figuresOf(work),
    notes: work.notes,
  };
}

function figuresOf({ reads, writes, touches, duration }: WorkFigures): FiguresResult {
  return {
    reads: { ...reads, documents: reads.documents ?? null, documentBytes: reads.documentBytes ?? null },
    writes,
    touches,
    duration: durationJson(duration),
  };
}

function durationJson({ ms, runs }: Duration): FiguresResult['duration'] {
  return { ms: ms ?? null, basis: runs === 0 ? 'defaults' : 'history', runs };
}
