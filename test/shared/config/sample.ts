// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so

import type { Environment } from '../../../src/shared/config/interpolate.ts';
import type { Config } from '../../../src/shared/config/schema.ts';
import { parseConfig } from '../../../src/shared/config.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';

/** The example of the design, word for word. */
export const DESIGN_EXAMPLE = `# yaml-language-server: $schema=…
version: 1
connections:
  guest: { kind: mongodb, uri: \${MONGODB_URI} }
  # guest: { kind: dump, path: ./dump }                  # a .bson or .bson.gz file, a database's folder or a whole mongodump
  lake: { kind: s3, region: us-east-1 }                  # endpoint, forcePathStyle, credentials; a local folder (file:) needs no connection
queue: { kind: redis, url: \${REDIS_URL} }                # or { kind: local }: everything in this process
defaults: { cursorField: updateTime, allowedLateness: 5m, partitions: auto, schedule: 15m }
pipelines:
  guest:
    source: { connection: guest, database: guest, collections: [notifications, "booking*", "!*_tmp"] }
    table: { connection: lake, uri: "s3://lake/guest/{collection}" }     # or "file:./lake/{collection}"
    collections: { notifications: { partitions: 64 } }                  # what differs from the defaults
`;

export const DESIGN_ENV = { MONGODB_URI: 'mongodb://reader:s3cret@db/', REDIS_URL: 'redis://queue:6379' };

/** A small valid file; further lines can be put behind it, at the top level. */
export const SMALL = `version: 1
connections:
  db: { kind: mongodb, uri: "mongodb://localhost" }
  lake: { kind: s3, region: eu-west-1 }
pipelines:
  guest:
    source: { connection: db, database: guest, collections: ["*"] }
    table: { uri: "file:./lake/{collection}" }
`;

/** `SMALL` with its pipelines replaced. */
export function withPipelines(pipelines: string): string {
  return `${SMALL.slice(0, SMALL.indexOf('pipelines:'))}pipelines:\n${pipelines}`;
}

/** Parses as the file `/etc/mongolake.yaml`. */
export function parse(text: string, env: Environment = {}): Config {
  return parseConfig(text, '/etc/mongolake.yaml', env);
}

/** What parsing `text` as `mongolake.yaml` throws, as `CODE message`, a line per problem. */
export function failure(text: string, env: Environment = {}): string {
  try {
    parseConfig(text, 'mongolake.yaml', env);
  } catch (error) {
    if (error instanceof MongolakeError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
}
