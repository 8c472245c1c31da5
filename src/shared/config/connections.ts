// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { boolean, duration, instant, oneOf, text } from './fields.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

export const mongodb = z
  .strictObject({
    kind: z.literal('mongodb').meta({ description: 'A MongoDB deployment.' }),
    uri: text(
      {
        description: 'Connection string. Keep the password out of this file: take it from a variable.',
        examples: ['${MONGODB_URI}', 'mongodb://reader:${MONGODB_PASSWORD}@db.example.com/?replicaSet=rs0'],
      },
      /^mongodb(?:\+srv)?:\/\/[^\s]+$/,
      'expected a connection string that starts with mongodb:// or mongodb+srv://',
    ),
    readPreference: oneOf(
      {
        description: 'Which member serves the reads; overrides the connection string.',
        examples: ['secondaryPreferred'],
      },
      ['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest'],
    ).exactOptional(),
    connectTimeout: duration(
      {
        description: 'How long opening a socket may take; 10s where neither this nor the URI tells.',
        examples: ['10s'],
      },
      { min: 100, max: HOUR },
    ).exactOptional(),
    serverSelectionTimeout: duration(
      {
        description:
          'How long to look for a usable member before the server counts as unreachable; 10s where neither this nor the URI tells.',
        examples: ['10s'],
      },
      { min: 100, max: HOUR },
    ).exactOptional(),
    socketTimeout: duration(
      {
        description: 'How long a socket may be silent during a request; 5m where neither this nor the URI tells.',
        examples: ['5m'],
      },
      { min: SECOND, max: 24 * HOUR },
    ).exactOptional(),
  })
  .meta({ description: 'A MongoDB deployment to read from.' });

export const dump = z
  .strictObject({
    kind: z.literal('dump').meta({ description: "mongodump's files." }),
    path: text(
      {
        description:
          'A .bson or .bson.gz file, the folder of a database, or a whole mongodump, on a local disk. Relative to this file.',
        examples: ['./dump', './dump/guest/notifications.bson.gz'],
      },
      /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/)/,
      'expected a path on a local disk',
    ),
    startedAt: instant({
      description: 'When the dump was started. Without it the whole dump is compared and no watermark moves.',
      examples: ['2026-01-31T02:00:00Z'],
    }).exactOptional(),
  })
  .meta({ description: 'A mongodump to read from.' });

const credentials = z
  .strictObject({
    accessKeyId: text({ description: 'Access key.', examples: ['${S3_ACCESS_KEY_ID}'] }),
    secretAccessKey: text({ description: 'Secret key.', examples: ['${S3_SECRET_ACCESS_KEY}'] }),
    sessionToken: text({
      description: 'Token of temporary credentials.',
      examples: ['${S3_SESSION_TOKEN:-}'],
    }).exactOptional(),
  })
  .meta({ description: "Static credentials. Without them the AWS SDK's usual chain is asked." });

export const s3 = z
  .strictObject({
    kind: z.literal('s3').meta({ description: 'S3, or a store that speaks its protocol.' }),
    region: text({ description: 'Region of the bucket.', examples: ['us-east-1'] }),
    endpoint: text(
      { description: 'URL of a store other than AWS.', examples: ['http://localhost:9000'] },
      /^https?:\/\/[^\s/@]+(?:\/[^\s]*)?$/,
      'expected a URL that starts with http:// or https://, without a user',
    ).exactOptional(),
    forcePathStyle: boolean({
      description: 'Put the bucket in the path, not in the host name. Many stores other than AWS need it.',
      examples: [true],
    }).prefault(false),
    credentials: credentials.exactOptional(),
  })
  .meta({ description: 'Object storage, for tables.' });
