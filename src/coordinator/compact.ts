import type { RunContext } from './carry-out.ts';
import { compactInputs } from './plan.ts';
import { type RewriteRequest, type RewriteResult, rewriteTable } from './rewrite-run.ts';

/**
 * Writes small files of a table that are neighbours as fewer of the configured target size, in one version; the other files stay. Errors:
 * those of `rewriteTable`.
 */
export async function compactTable(request: RewriteRequest, context: RunContext): Promise<RewriteResult> {
  const { targetFileSize } = request.settings;
  return rewriteTable(
    request,
    {
      due: (state) => (compactInputs(state, targetFileSize).length === 0 ? undefined : { kind: 'compact' }),
      isDoneBy: ({ kind }, { write }) => kind === 'compact' && write.targetFileSize === targetFileSize,
    },
    context,
  );
}
