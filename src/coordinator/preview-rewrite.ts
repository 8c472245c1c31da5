import type { MergeInput } from '../shared/domain/plan.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { estimateDuration, RATES, readPastRuns } from './pace.ts';
import { type checkNamespace, compactInputs, repartitionInputs } from './plan.ts';
import { type Layout, repartitionFor } from './repartition.ts';
import type { RewriteRequest } from './rewrite-run.ts';
import { openOwn } from './sourceless.ts';
import { total } from './steps.ts';
import type { TableState } from './table.ts';
import type { Work } from './work.ts';

/** Which files a rewrite would write anew, and what it would make of them. */
interface Estimate {
  readonly kind: 'compact' | 'repartition';
  readonly isDue: boolean;
  readonly inputs: readonly MergeInput[];
  /** Files that it would write. */
  readonly files: number;
  /** Partitions of the table then. */
  readonly partitions: number;
}

type Namespaced = Parameters<typeof checkNamespace>[1];

/** Says what `compactTable` would do, and changes nothing. Throws `TABLE_MISSING`, `TABLE_NAMESPACE`, those of the storage. */
export async function previewCompaction(
  { settings: { targetFileSize } }: Pick<RewriteRequest, 'settings'>,
  storage: Storage,
  source: Namespaced,
): Promise<Work> {
  const state = await openOwn({ storage, source });
  const inputs = compactInputs(state, targetFileSize);
  const files = total(inputs, ({ joins = [] }) => joins.length);
  const isDue = inputs.length > 0;
  return workOf({ kind: 'compact', isDue, inputs, files, partitions: state.partitions }, state, storage);
}

/** Says what `repartitionTable` would do, and changes nothing. Errors as of `previewCompaction`. */
export async function previewRepartition(
  { layout, settings: { targetFileSize } }: Pick<RewriteRequest, 'settings'> & { readonly layout: Layout },
  storage: Storage,
  source: Namespaced,
): Promise<Work> {
  const state = await openOwn({ storage, source });
  const { schema, partitions } = state;
  const due = repartitionFor(layout, { idType: schema.idType, partitions });
  const nothing = { isDue: false, inputs: [], files: 0, partitions };
  if (due === undefined) return workOf({ kind: 'repartition', ...nothing }, state, storage);
  const inputs = repartitionInputs(state, due);
  const bytes = total(inputs, ({ base }) => total(base, ({ size }) => size));
  // A partition's files come to the target size each; the last of them has the rest.
  const files = inputs.length === 0 ? 0 : Math.max(due.partitions.to, Math.ceil(bytes / targetFileSize));
  return workOf({ kind: 'repartition', isDue: true, inputs, files, partitions: due.partitions.to }, state, storage);
}

async function workOf(
  { kind, isDue, inputs, files, partitions }: Estimate,
  { version, notes }: TableState,
  storage: Storage,
): Promise<Work> {
  const old = inputs.flatMap(({ base }) => base);
  const bytes = total(old, ({ size }) => size);
  const { rewrites } = await readPastRuns(storage);
  return {
    kind,
    version,
    isDue,
    reads: { documents: 0, documentBytes: 0, files: old.length, fileBytes: bytes },
    writes: { files, bytes: files === 0 ? 0 : bytes },
    touches: { partitions: inputs.length, of: partitions, readJobs: 0, partitionJobs: inputs.length },
    duration: isDue ? estimateDuration(bytes, rewrites, RATES.rewrite) : { ms: 0, runs: 0 },
    notes,
  };
}
