import type { Layout } from '../coordinator/repartition.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/** The layout that is asked for. Throws `USAGE` where none is. */
export function checkLayout(layout: Layout): Layout {
  if (layout.idType !== undefined || layout.partitions !== undefined) return layout;
  throw new MongolakeError('USAGE', 'repartition: what is to be different is not said', {
    hint: 'Give --partitions N, or --id-type string for a table whose ids are integers and which is to take others.',
  });
}
