// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { SOURCE_MODES } from '../domain/window.ts';
import { dump, mongodb, redis, s3 } from './connections.ts';
import { coordinatorSchema, dashboardSchema, listenSchema } from './deployment.ts';
import { duration, exactText, integer, integerOrAuto, type ListenAddress, oneOf, size, text } from './fields.ts';
import { notifySchema } from './notify.ts';
import { defaultsSchema, overrideShape } from './settings.ts';
import { vaultSchema } from './vault.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

const local = z
  .strictObject({
    kind: z.literal('local').meta({ description: 'No server: everything in this process.' }),
  })
  .meta({ description: 'A queue within the process.' });

const overrides = z
  .strictObject(overrideShape)
  .meta({ description: 'Settings of one collection that differ from those of the pipeline.' });

const pipeline = z
  .strictObject({
    source: z
      .strictObject({
        connection: text({ description: 'Name of a mongodb or dump connection.', examples: ['guest'] }),
        database: text(
          { description: 'Database to read. May be left out for a dump.', examples: ['guest'] },
          /^[^/\\. "$]{1,63}$/,
          'expected the name of a database',
        ).exactOptional(),
        collections: z
          .array(
            exactText({
              description:
                'A name; * is any run of characters and ? any one, \\ takes the next as it is; ! in front leaves out.',
              examples: ['notifications', 'booking*', '!*_tmp'],
            }),
          )
          .min(1)
          .meta({
            description: 'Collections to sync, looked up again at each run. May be left out for a dump: all of it.',
            examples: [['notifications', 'booking*', '!*_tmp']],
          })
          .exactOptional(),
        mode: oneOf(
          {
            description:
              'How changes are found: by the cursor field, or by the change stream of a replica set or sharded cluster, which tells of deletions too. See [change streams](change-streams.md).',
            examples: ['changestream'],
          },
          SOURCE_MODES,
        ).prefault('cursor'),
        followInterval: duration(
          {
            description:
              'With mode: changestream the coordinator looks for changes so often, in place of schedule: each look that finds some is one run and one version.',
            examples: ['10s', '1m'],
          },
          { min: SECOND, max: 24 * HOUR },
        ).prefault('10s'),
      })
      .meta({ description: 'What is read.' }),
    table: z
      .strictObject({
        connection: text({
          description: 'Name of an s3 connection. Left out for a local folder.',
          examples: ['lake'],
        }).exactOptional(),
        uri: text({
          description:
            'Folder of the table: s3://bucket/folder, file:./folder or a path, relative to this file. {collection}, {database} and {pipeline} are filled in.',
          examples: ['s3://lake/guest/{collection}', 'file:./lake/{collection}'],
        }),
      })
      .meta({ description: 'What is written.' }),
    collections: z
      .record(z.string().min(1), overrides)
      .meta({ description: 'Settings by collection.', examples: [{ notifications: { partitions: 64 } }] })
      .prefault({}),
    ...overrideShape,
  })
  .meta({ description: 'Collections of one database and where their tables go. Settings here hold for all of them.' });

const worker = z
  .strictObject({
    concurrency: integerOrAuto(
      {
        description:
          'Jobs, and so merge threads, at once. auto is one per core; set it where a container has a CPU limit.',
        examples: ['auto', 4],
      },
      { min: 1, max: 1024 },
    ).prefault('auto'),
    memory: size(
      {
        description:
          'Memory of one merge thread, above which it spills to scratch. A worker needs about concurrency times this, and a few hundred MB besides.',
        examples: ['512MB', '2GiB'],
      },
      { min: 64e6, max: 1e12 },
    ).prefault('512MB'),
    scratch: text({
      description: "Folder for temporary files, relative to this file. By default the system's.",
      examples: ['/var/tmp/mongolake'],
    }).exactOptional(),
    scratchSize: size(
      {
        description:
          'What scratch may hold where its file system does not say it, as of a Kubernetes emptyDir with a limit. Metrics tell size and free space by it; it keeps nobody from writing more.',
        examples: ['10GiB'],
      },
      { min: 1, max: 9e15 },
    ).exactOptional(),
    drainTimeout: duration(
      { description: 'How long running jobs may go on after SIGTERM before they are handed back.', examples: ['25s'] },
      { min: 0, max: 24 * HOUR },
    ).prefault('25s'),
    stuckTimeout: duration(
      {
        description:
          'A job that gives no sign of life for so long is stuck: /healthz says so with 503. A merge gives none while its thread works, so this is more than the longest merge of one partition takes.',
        examples: ['15m', '1h'],
      },
      { min: 1000, max: 24 * HOUR },
    ).prefault('15m'),
    listen: listenSchema.exactOptional(),
  })
  .meta({ description: 'Processes that read and merge.' });

const log = z
  .strictObject({
    level: oneOf({ description: 'Least severe level that is logged.', examples: ['info', 'debug'] }, [
      'trace',
      'debug',
      'info',
      'warn',
      'error',
      'fatal',
      'silent',
    ]).prefault('info'),
    format: oneOf(
      { description: 'pretty for people, json a line each; auto is pretty on a terminal.', examples: ['json'] },
      ['auto', 'pretty', 'json'],
    ).prefault('auto'),
  })
  .meta({ description: 'Logs, on stderr.' });

/** The whole file. Types, defaults, the editor's schema and the help all come from here. */
export const configSchema = z
  .strictObject({
    version: z.literal(1).meta({ description: 'Version of this format.', examples: [1] }),
    connections: z.record(z.string().regex(NAME), z.discriminatedUnion('kind', [mongodb, dump, s3])).meta({
      description: 'Servers, dumps and stores, by a name of your own.',
      examples: [{ guest: { kind: 'mongodb', uri: '${MONGODB_URI}' } }],
    }),
    vault: vaultSchema.exactOptional(),
    hashKey: text(
      {
        description:
          'Key of the hashes of columns.hash: a secret of 16 characters or more, 32 at best; space around it is cut off. Another key gives other hashes.',
        examples: ['${vault:secret/data/mongolake#hash_key}', '${MONGOLAKE_HASH_KEY}'],
      },
      /^[\s\S]{16,}$/,
      'expected a key of at least 16 characters',
    ).exactOptional(),
    queue: z
      .discriminatedUnion('kind', [local, redis])
      .meta({ description: 'How jobs reach workers.', examples: [{ kind: 'redis', url: '${REDIS_URL}' }] })
      .prefault({ kind: 'local' }),
    defaults: defaultsSchema.meta({ description: 'Settings of every table.' }).prefault({}),
    pipelines: z.record(z.string().regex(NAME), pipeline).meta({
      description: 'What is synced, by a name of your own.',
      examples: [
        {
          guest: {
            source: { connection: 'guest', database: 'guest', collections: ['*'] },
            table: { uri: 'file:./lake/{collection}' },
          },
        },
      ],
    }),
    maxConcurrentRuns: integer(
      { description: 'Tables that the coordinator syncs at once.', examples: [4] },
      { min: 1, max: 1000 },
    ).prefault(4),
    coordinator: coordinatorSchema.prefault({}),
    worker: worker.prefault({}),
    dashboard: dashboardSchema.prefault({}),
    notify: notifySchema.exactOptional(),
    log: log.prefault({}),
  })
  .meta({ title: 'mongolake', description: 'Configuration of mongolake.' });

/** What the schema gives for a file: durations in milliseconds, sizes in bytes. */
export type ParsedConfig = z.output<typeof configSchema>;

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** A configuration that holds together. Holds secrets: never log it, or one of its connections, as a whole. */
export type Config = DeepReadonly<Omit<ParsedConfig, 'worker'>> & {
  readonly worker: {
    /** Jobs at once. */
    readonly concurrency: number;
    /** Bytes, per merge thread. */
    readonly memory: number;
    /** Absolute. */
    readonly scratch: string;
    /** Bytes that scratch may hold; as many as its file system has where left out. */
    readonly scratchSize?: number;
    /** Milliseconds. */
    readonly drainTimeout: number;
    /** Milliseconds. */
    readonly stuckTimeout: number;
    /** Where metrics and health are served. */
    readonly listen?: ListenAddress;
  };
  /** Absolute path of the file; relative paths in it start at its folder. */
  readonly file: string;
};

export type ConnectionConfig = Config['connections'][string];
export type MongodbConnection = Extract<ConnectionConfig, { readonly kind: 'mongodb' }>;
export type DumpConnection = Extract<ConnectionConfig, { readonly kind: 'dump' }>;
export type S3Connection = Extract<ConnectionConfig, { readonly kind: 's3' }>;
export type QueueConfig = Config['queue'];
export type RedisQueue = Extract<QueueConfig, { readonly kind: 'redis' }>;
export type PipelineConfig = Config['pipelines'][string];
export type WorkerConfig = Config['worker'];
export type LogConfig = Config['log'];
export type VaultConfig = NonNullable<Config['vault']>;
export type DashboardConfig = Config['dashboard'];
