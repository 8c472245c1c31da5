import { z } from 'zod';
import { CURSOR_TYPES } from '../domain/cursor.ts';
import { DELETES } from '../domain/deletion.ts';
import { MOST_PARTITIONS } from '../domain/partitions.ts';
import { ENGINES } from '../domain/plan.ts';
import type { ColumnPolicy } from '../domain/policy.ts';
import { TABLE_MODES } from '../domain/window.ts';
import { columnsSchema } from './columns.ts';
import { boolean, duration, integer, oneOf, powerOfTwoOrAuto, schedule, size, text } from './fields.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const FIELD = /^[^.$][^.]*(?:\.[^.$][^.]*)*$/;
const FIELD_EXPECTED = 'expected a field name such as updateTime or meta.updatedAt';

/** What can differ from table to table. The same keys stand under `defaults`, in a pipeline, and under its `collections`. */
const fields = {
  mode: oneOf(
    {
      description:
        'incremental finds changes by the cursor field. full is for a collection without one: every run reads all of it and replaces the table. See [backfill](backfill.md).',
      examples: ['full'],
    },
    TABLE_MODES,
  ),
  cursorField: text(
    {
      description:
        'The field that every write to a document sets to its time, and by which changes are found. It needs an index. A dot reaches into an object.',
      examples: ['updateTime', 'meta.updatedAt'],
    },
    FIELD,
    FIELD_EXPECTED,
  ),
  cursorType: oneOf(
    {
      description:
        'What the cursor field holds: a Date, a BSON timestamp, a number of seconds or milliseconds since 1970, or an ObjectId. A value of any other type counts as missing. See [cursors](cursors.md).',
      examples: ['timestamp', 'epochMilliseconds'],
    },
    CURSOR_TYPES,
  ),
  allowedLateness: duration(
    {
      description:
        'How much later than its cursor value a document may become visible. Each run reads this much again. Clocks that differ by more are refused.',
      examples: ['5m', '90s', '1h 30m'],
    },
    { min: SECOND, max: 30 * DAY },
  ),
  partitions: powerOfTwoOrAuto(
    {
      description:
        'Hash partitions of a new table, a power of two. One job merges one partition. auto sizes it at the first load; a table that is there keeps its number. See [partitions](partitions.md).',
      examples: ['auto', 64],
    },
    MOST_PARTITIONS,
  ),
  schedule: schedule({
    description: 'When the coordinator syncs: an interval, a cron expression (5 or 6 fields, UTC), or none.',
    examples: ['15m', '0 3 * * *', 'none'],
  }),
  staleAfter: duration(
    {
      description:
        'A table whose last check that ended well is older than this is stale: metrics and notifications say so. Where left out, three times the longest gap of its schedule, 15m at least.',
      examples: ['1h', '26h'],
    },
    { min: SECOND, max: 365 * DAY },
  ),
  engine: oneOf(
    {
      description:
        'What merges and writes: duckdb, or parquetjs, which is slower and needs no native code. Fixed when a table is made; duckdb may take over a table of parquetjs, never the reverse.',
      examples: ['duckdb', 'parquetjs'],
    },
    ENGINES,
  ),
  targetFileSize: size(
    { description: 'Size at which a partition is cut into another Parquet file.', examples: ['128MB', '256MiB'] },
    { min: 1e5, max: 5e9 },
  ),
  rowGroupSize: integer(
    {
      description: 'Rows per Parquet row group, at most. The engine parquetjs takes no more than 8192.',
      examples: [122_880],
    },
    { min: 1, max: 10_000_000 },
  ),
  compression: oneOf(
    {
      description: 'Codec of new Parquet files. Those of the engine parquetjs are snappy, whatever is written here.',
      examples: ['zstd', 'snappy'],
    },
    ['zstd', 'snappy'],
  ),
  compressionLevel: integer(
    { description: 'Level of zstd: 1 is fastest, 22 smallest. Not used by snappy.', examples: [3, 1] },
    { min: 1, max: 22 },
  ),
  deletes: oneOf(
    {
      description:
        'What becomes of the row of a document that is gone: none keeps it, soft deletes it where the document says so in deletedField, reconcile where a scheduled verification finds no document. See [deletes](deletes.md).',
      examples: ['soft', 'reconcile'],
    },
    DELETES,
  ),
  deletedField: text(
    {
      description:
        'With deletes: soft, the field by which a document says that it is deleted: it is there, and not null, false or 0. A dot reaches into an object.',
      examples: ['deletedAt', 'meta.isDeleted'],
    },
    FIELD,
    FIELD_EXPECTED,
  ),
  verifySchedule: schedule({
    description:
      'When the coordinator compares the table with its source: an interval, a cron expression (5 or 6 fields, UTC), or none. See [verify](verify.md).',
    examples: ['1d', '0 3 * * 0', 'none'],
  }),
  verifyRepair: boolean({
    description: 'Whether a scheduled verification also repairs what differs. With deletes: reconcile it always does.',
    examples: [true],
  }),
  maxQuarantined: integer(
    {
      description:
        'Documents that cannot be stored are put aside and listed (mongolake quarantine). More than so many in one run fail it instead, before its commit.',
      examples: [1000, 0],
    },
    { min: 0, max: 100_000 },
  ),
  maxConcurrentReads: integer(
    {
      description:
        'Jobs of one run that read from the source at once, at most; no limit if not given. See [backfill](backfill.md).',
      examples: [4],
    },
    { min: 1, max: 1024 },
  ),
  documentsPerSecond: integer(
    {
      description:
        'Documents that all reads of one run together take from the source in a second, at most; no limit if not given. Shared evenly by maxConcurrentReads reads, by 4 where that is not given. See [backfill](backfill.md).',
      examples: [20_000],
    },
    { min: 1, max: 100_000_000 },
  ),
  checkpointInterval: integer(
    { description: 'A Delta checkpoint is written every so many commits.', examples: [10] },
    { min: 1, max: 10_000 },
  ),
  retention: duration(
    {
      description: 'How long files that no longer belong to the table are kept, for readers of older versions.',
      examples: ['7d', '24h'],
    },
    { min: MINUTE, max: 3650 * DAY },
  ),
  leaseTtl: duration(
    {
      description: 'A run whose lease was not renewed for so long may be taken over.',
      examples: ['30s'],
    },
    { min: SECOND, max: 60 * MINUTE },
  ),
  columns: columnsSchema,
};

/** Settings of every table, with what holds where nothing is written. */
export const defaultsSchema = z.strictObject({
  mode: fields.mode.prefault('incremental'),
  cursorField: fields.cursorField.prefault('updateTime'),
  cursorType: fields.cursorType.prefault('date'),
  allowedLateness: fields.allowedLateness.prefault('5m'),
  partitions: fields.partitions.prefault('auto'),
  schedule: fields.schedule.prefault('15m'),
  staleAfter: fields.staleAfter.exactOptional(),
  engine: fields.engine.prefault('duckdb'),
  targetFileSize: fields.targetFileSize.prefault('128MB'),
  rowGroupSize: fields.rowGroupSize.prefault(122_880),
  compression: fields.compression.prefault('zstd'),
  compressionLevel: fields.compressionLevel.prefault(3),
  deletes: fields.deletes.prefault('none'),
  deletedField: fields.deletedField.prefault('deletedAt'),
  verifySchedule: fields.verifySchedule.prefault('none'),
  verifyRepair: fields.verifyRepair.prefault(false),
  maxQuarantined: fields.maxQuarantined.prefault(1000),
  maxConcurrentReads: fields.maxConcurrentReads.exactOptional(),
  documentsPerSecond: fields.documentsPerSecond.exactOptional(),
  checkpointInterval: fields.checkpointInterval.prefault(10),
  retention: fields.retention.prefault('7d'),
  leaseTtl: fields.leaseTtl.prefault('30s'),
  columns: fields.columns.exactOptional(),
});

/** The same keys, each of which may be left out: what a pipeline or a collection changes. */
export const overrideShape = {
  mode: fields.mode.exactOptional(),
  cursorField: fields.cursorField.exactOptional(),
  cursorType: fields.cursorType.exactOptional(),
  allowedLateness: fields.allowedLateness.exactOptional(),
  partitions: fields.partitions.exactOptional(),
  schedule: fields.schedule.exactOptional(),
  staleAfter: fields.staleAfter.exactOptional(),
  engine: fields.engine.exactOptional(),
  targetFileSize: fields.targetFileSize.exactOptional(),
  rowGroupSize: fields.rowGroupSize.exactOptional(),
  compression: fields.compression.exactOptional(),
  compressionLevel: fields.compressionLevel.exactOptional(),
  deletes: fields.deletes.exactOptional(),
  deletedField: fields.deletedField.exactOptional(),
  verifySchedule: fields.verifySchedule.exactOptional(),
  verifyRepair: fields.verifyRepair.exactOptional(),
  maxQuarantined: fields.maxQuarantined.exactOptional(),
  maxConcurrentReads: fields.maxConcurrentReads.exactOptional(),
  documentsPerSecond: fields.documentsPerSecond.exactOptional(),
  checkpointInterval: fields.checkpointInterval.exactOptional(),
  retention: fields.retention.exactOptional(),
  leaseTtl: fields.leaseTtl.exactOptional(),
  columns: fields.columns.exactOptional(),
} satisfies Record<keyof typeof fields, z.ZodType>;

/** Settings of one table: durations in milliseconds, sizes in bytes. */
export type Settings = Readonly<Omit<z.output<typeof defaultsSchema>, 'columns'>> & {
  readonly columns?: ColumnPolicy;
};

export type SettingName = keyof Settings;

/** Names of all settings, in the order of the documentation. */
export const SETTING_NAMES = Object.keys(fields) as readonly SettingName[];
