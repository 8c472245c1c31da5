import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { s3Storage } from '../../../src/shared/adapters/storage-s3.ts';
import type { S3StorageOptions } from '../../../src/shared/adapters/storage-s3-client.ts';
import { storageContract } from '../../contracts/storage-contract.ts';
import { describeWith } from '../../services/context.ts';

describeWith(['s3'], 'storage in S3', ({ s3 }) => {
  const clock = systemClock();
  const options = (prefix: string): S3StorageOptions => ({
    bucket: s3.bucket,
    prefix,
    region: s3.region,
    endpoint: s3.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  });

  storageContract('s3', () => s3Storage(options(`tables/${clock.randomHex(8)}`), clock));

  describe('what a real store refuses', () => {
    it('names a bucket that does not exist', async () => {
      const storage = s3Storage({ ...options('x'), bucket: `${s3.bucket}-none` }, clock);
      await expect(storage.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        message: expect.stringContaining('NoSuchBucket'),
      });
      await expect(storage.get('a')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      await expect(storage.putIfAbsent('a', Buffer.from('w'), 'w')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      await storage.close();
    });

    it('names wrong credentials, without showing them', async () => {
      const credentials = { accessKeyId: s3.accessKeyId, secretAccessKey: 'not-the-secret' };
      const storage = s3Storage({ ...options('x'), credentials }, clock);
      const [result] = await Promise.allSettled([storage.get('a')]);
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REFUSED', exitCode: 77 } });
      expect(JSON.stringify(result)).not.toContain('not-the-secret');
      await storage.close();
    });
  });
});
