import type { RunContext, RunResult } from '../coordinator/carry-out.ts';
import type { Layout } from '../coordinator/repartition.ts';
import { type RunRequest, runTable } from '../coordinator/run.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { isPartitionCount, MOST_PARTITIONS } from '../shared/domain/partitions.ts';
import type { OpenedConfig } from './app.ts';

/** What a run is asked for, beside its table. */
export type Asked = Pick<RunRequest, 'mode' | 'from' | 'to' | 'overwrite' | 'replace'>;

/** One run of this table, as its configuration says. */
export function runAsked(
  app: OpenedConfig,
  target: TableTarget,
  asked: Asked,
  context: RunContext,
): Promise<RunResult> {
  const { pipeline, collection, settings } = target;
  return runTable({ ...asked, pipeline, collection, settings, columns: app.columns(target) }, context);
}

/** The layout that is asked for. Throws `USAGE` where none is, or one that no table may have. */
export function checkLayout(layout: Layout): Layout {
  const { idType, partitions } = layout;
  if (partitions !== undefined && !isPartitionCount(partitions)) {
    throw new MongolakeError('USAGE', `repartition: ${partitions} is no number of partitions`, {
      hint: `It is a power of two from 1 to ${MOST_PARTITIONS}, such as 64.`,
    });
  }
  if (idType !== undefined || partitions !== undefined) return layout;
  throw new MongolakeError('USAGE', 'repartition: what is to be different is not said', {
    hint: 'Give --partitions N, or --id-type string for a table whose ids are integers and which is to take others.',
  });
}

/** An ISO 8601 time with a zone, or a date, in epoch milliseconds; `option` is what messages call it. Throws `USAGE`. */
export function parseTime(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new MongolakeError('USAGE', `${option}: "${text}" is not a time`, {
      hint: 'Write it with a zone, such as 2026-01-31T02:00:00Z, or as a date.',
    });
  }
  return ms;
}
