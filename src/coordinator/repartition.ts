import type { IdType } from '../shared/domain/ids.ts';
import type { Repartition } from '../shared/domain/plan.ts';
import type { RunContext } from './carry-out.ts';
import { type RewriteRequest, type RewriteResult, rewriteTable } from './rewrite-run.ts';

/** What is to be different about a table; what is not given stays. */
export interface Layout {
  /** Ids that were integers become text. There is no way back. */
  readonly idType?: 'string' | undefined;
  /** Hash partitions; a power of two. */
  readonly partitions?: number | undefined;
}

/** Which table is to be written anew, and how. */
export interface RepartitionRequest extends RewriteRequest {
  readonly layout: Layout;
}

/** Integers stay as they are, as text; any other id has a text that no integer has (`idText`). */
const STRING_IDS: IdType = 'string:long';

/** Writes a table anew with string ids, or with another number of hash partitions, in one version. Errors: those of `rewriteTable`. */
export async function repartitionTable(request: RepartitionRequest, context: RunContext): Promise<RewriteResult> {
  const { layout } = request;
  return rewriteTable(
    request,
    {
      due: ({ schema, partitions }) => repartitionFor(layout, { idType: schema.idType, partitions }),
      isDoneBy: (rewrite) =>
        rewrite.kind === 'repartition' &&
        repartitionFor(layout, { idType: rewrite.idType.to, partitions: rewrite.partitions.to }) === undefined,
    },
    context,
  );
}

/** What it takes to lay out a table so that has these ids and partitions; `undefined` where it is laid out so already. */
export function repartitionFor(
  wanted: Layout,
  { idType, partitions }: { readonly idType: IdType; readonly partitions: number },
): Repartition | undefined {
  const toText = wanted.idType === 'string' && idType === 'long';
  const to = { idType: toText ? STRING_IDS : idType, partitions: wanted.partitions ?? partitions };
  if (to.idType === idType && to.partitions === partitions) return undefined;
  return {
    kind: 'repartition',
    idType: { from: idType, to: to.idType },
    partitions: { from: partitions, to: to.partitions },
  };
}
