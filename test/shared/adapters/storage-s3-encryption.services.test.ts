import { Readable } from 'node:stream';
import { CreateBucketCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { s3Storage } from '../../../src/shared/adapters/storage-s3.ts';
import type { S3Encryption } from '../../../src/shared/adapters/storage-s3-client.ts';
import { describeWith } from '../../services/context.ts';
import { type MotoServer, startMoto } from '../../services/moto.ts';
import { required } from '../../services/result.ts';
import { s3Client } from '../../services/s3.ts';

const ACCESS = { region: 'us-east-1', accessKeyId: 'test-key', secretAccessKey: 'test-secret' };
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

/** Moto keeps what an object was asked to be encrypted with, and tells it; it is prepared with Vault. */
describeWith(['vault'], 'encryption at rest, as the store has it', () => {
  let moto: MotoServer;
  let client: S3Client;
  beforeAll(async () => {
    moto = required(await startMoto());
    client = s3Client({ ...ACCESS, endpoint: moto.endpoint });
    await client.send(new CreateBucketCommand({ Bucket: 'lake' }));
  });
  afterAll(async () => {
    client?.destroy();
    await moto?.stop();
  });

  it.each<[string, S3Encryption, object]>([
    ['SSE-S3', { kind: 's3' }, { ServerSideEncryption: 'AES256' }],
    ['SSE-KMS', { kind: 'kms', keyId: KEY }, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KEY }],
  ])('%s: an object, one in parts and one under a condition', async (name, encryption, wanted) => {
    const { region, ...credentials } = ACCESS;
    const place = { bucket: 'lake', prefix: name, region, endpoint: moto.endpoint, forcePathStyle: true };
    const storage = s3Storage({ ...place, credentials, encryption }, systemClock());
    await storage.put('whole', Buffer.from('abc'));
    await storage.put('parts', Readable.from([Buffer.alloc(9_000_000)]));
    await storage.putIfAbsent('condition', Buffer.from('w'), 'w');
    for (const key of ['whole', 'parts', 'condition'])
      expect(await client.send(new HeadObjectCommand({ Bucket: 'lake', Key: `${name}/${key}` }))).toMatchObject(wanted);
    expect((await storage.get('whole'))?.body.toString()).toBe('abc');
    await storage.close();
  });
});
