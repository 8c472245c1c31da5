import { estimateDuration, type Past, RATES } from './pace.ts';
import type { PreviewContext } from './preview.ts';
import { total } from './steps.ts';
import { filesOf, openState, type TableState, tableMissing } from './table.ts';
import { readVerification, type Verification } from './verification.ts';
import { checkVerifiable, type VerifyRequest } from './verify-plan.ts';
import type { Work } from './work.ts';

/** What of a verification decides how much it reads. */
export type VerifyPreviewRequest = Pick<VerifyRequest, 'settings' | 'columns' | 'isDeep' | 'sample'>;

/**
 * Says what `verifyTable` would do but for its second look and a repair, which is as much as differs; changes nothing. Throws
 * `TABLE_MISSING`, and what speaks against a verification.
 */
export async function previewVerification(
  request: VerifyPreviewRequest,
  { storage, source }: Pick<PreviewContext, 'storage' | 'source'>,
): Promise<Work> {
  const { isDeep, sample } = request;
  const state = await openState(storage);
  if (state === undefined) throw tableMissing(storage);
  checkVerifiable(request, state, { namespace: source.namespace, uri: storage.uri });
  const notes: string[] = [];
  const [{ kind }, size, ranges, last] = await Promise.all([
    source.clock(),
    source.estimate({ kind: 'full' }),
    source.ranges({ kind: 'full' }, { warn: (note) => notes.push(note) }),
    readVerification(storage),
  ]);
  const share = sharePicked(ranges.length, sample);
  const documents = portion(size.documents, share);
  const files = filesOf(state);
  const partitions = [...state.files.values()].filter((own) => own.length > 0).length;
  return {
    kind: 'verify',
    version: state.version,
    isDue: isVerificationDue(last, state, isDeep),
    reads: {
      documents,
      // A server is asked for ids and cursors alone, whose size no statistics tell.
      documentBytes: kind === 'dump' || isDeep ? portion(size.bytes, share) : undefined,
      files: files.length,
      fileBytes: total(files, ({ size: own }) => own),
    },
    writes: { files: 0, bytes: 0 },
    touches: {
      partitions,
      of: state.partitions,
      readJobs: Math.round(ranges.length * share),
      partitionJobs: partitions,
    },
    duration: estimateDuration(documents, pastOf(last, isDeep), isDeep ? RATES.compareDeep : RATES.compare),
    notes: [...notes, ...lastNote(last, state), ...state.notes],
  };
}

/** The share of the ranges that a sample reads: whole ranges, and one at least. */
function sharePicked(ranges: number, sample: number): number {
  return ranges === 0 ? sample : Math.max(1, Math.round(ranges * sample)) / ranges;
}

function portion(whole: number | undefined, share: number): number | undefined {
  return whole === undefined ? undefined : Math.round(whole * share);
}

/** Whether the newest version was not compared yet in the way that is asked for. */
export function isVerificationDue(
  last: Verification | undefined,
  { version }: Pick<TableState, 'version'>,
  isDeep: boolean,
): boolean {
  return last === undefined || (isDeep && !last.isDeep) || comparedVersion(last) < version;
}

/** What a repair made is as good as compared. */
function comparedVersion({ version, repairedIn }: Verification): number {
  return repairedIn ?? version;
}

function lastNote(last: Verification | undefined, { version }: TableState): readonly string[] {
  if (last === undefined) return ['the table was never verified'];
  const way = last.isDeep ? 'in every column' : 'by its cursors';
  const behind = comparedVersion(last) < version ? `, the newest is ${version}` : '';
  return [`last verified at ${new Date(last.checkedAt).toISOString()}, ${way}: version ${last.version}${behind}`];
}

function pastOf(last: Verification | undefined, isDeep: boolean): readonly Past[] {
  if (last?.documents === undefined || last.durationMs === undefined || last.isDeep !== isDeep) return [];
  return [{ units: last.documents, ms: last.durationMs }];
}
