// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { boolean, duration, instant, oneOf, text } from './fields.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

/** A PEM file. */
const pemFile = (description: string, example: string) =>
  text({ description: `${description} PEM, relative to this file.`, examples: [example] });

const AUTHORITIES =
  'Certificates of the authorities that may have signed the server’s certificate, instead of those that Node knows.';

const mongodbTls = z
  .strictObject({
    caFile: pemFile(AUTHORITIES, './tls/ca.pem').exactOptional(),
    certificateKeyFile: pemFile(
      'Our certificate and its key in one file, where the server asks for one (or for MONGODB-X509).',
      './tls/client.pem',
    ).exactOptional(),
    certificateKeyFilePassword: text({
      description: 'Password of the key, where it is encrypted.',
      examples: ['${MONGODB_KEY_PASSWORD}'],
    }).exactOptional(),
  })
  .meta({
    description:
      'TLS to the server; on where this is given, {} also. The options of the connection string go on working, these override them. Files are read at start.',
    examples: [{ caFile: './tls/ca.pem', certificateKeyFile: './tls/client.pem' }],
  });

const redisTls = z
  .strictObject({
    caFile: pemFile(AUTHORITIES, './tls/ca.pem').exactOptional(),
    certFile: pemFile('Our certificate, where the server asks for one.', './tls/client.pem').exactOptional(),
    keyFile: pemFile('Its key.', './tls/client.key').exactOptional(),
    keyFilePassword: text({
      description: 'Password of the key, where it is encrypted.',
      examples: ['${REDIS_KEY_PASSWORD}'],
    }).exactOptional(),
  })
  .meta({
    description: 'Certificates for a rediss:// URL. Files are read at start.',
    examples: [{ caFile: './tls/ca.pem', certFile: './tls/client.pem', keyFile: './tls/client.key' }],
  });

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
    tls: mongodbTls.exactOptional(),
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

const encryption = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('s3').meta({ description: 'Keys that the store manages (SSE-S3, AES256).' }) })
      .meta({ description: 'SSE-S3.' }),
    z
      .strictObject({
        kind: z.literal('kms').meta({ description: 'A key in AWS KMS (SSE-KMS).' }),
        keyId: text({
          description: 'Id, ARN or alias of the key; the account’s own key for S3 where left out.',
          examples: ['arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'],
        }).exactOptional(),
        bucketKey: boolean({
          description: 'An S3 Bucket Key: far fewer requests to KMS. What the bucket says where left out.',
          examples: [true],
        }).exactOptional(),
      })
      .meta({ description: 'SSE-KMS.' }),
  ])
  .meta({
    description: 'Encryption at rest that every write asks for. What the bucket does by itself where left out.',
    examples: [{ kind: 'kms', keyId: 'alias/mongolake', bucketKey: true }],
  });

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
    caFile: pemFile(AUTHORITIES, './tls/ca.pem').exactOptional(),
    encryption: encryption.exactOptional(),
    expectedBucketOwner: text(
      {
        description:
          'Account that the bucket must belong to: S3 refuses every request where it is another’s, as when a bucket was deleted and its name taken.',
        examples: ['111122223333'],
      },
      /^\d{12}$/,
      'expected an AWS account: 12 digits, quoted',
    ).exactOptional(),
  })
  .meta({ description: 'Object storage, for tables.' });

export const redis = z
  .strictObject({
    kind: z
      .literal('redis')
      .meta({ description: 'A queue in Redis: coordinator and workers are processes of their own.' }),
    url: text(
      { description: 'URL of Redis.', examples: ['${REDIS_URL}', 'rediss://queue.example.com:6380'] },
      /^rediss?:\/\/[^\s]+$/,
      'expected a URL that starts with redis:// or rediss://',
    ),
    tls: redisTls.exactOptional(),
    prefix: text({
      description: 'Start of every key. The braces keep all keys in one slot of a Redis Cluster.',
      examples: ['{mongolake}'],
    }).prefault('{mongolake}'),
    lockDuration: duration(
      {
        description: 'A worker that is silent for so long has lost its job, and another takes it up.',
        examples: ['30s'],
      },
      { min: SECOND, max: HOUR },
    ).prefault('30s'),
  })
  .meta({ description: 'A queue in Redis.' });
