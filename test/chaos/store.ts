import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { CopyObjectCommand, GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { required } from '../services/result.ts';
import { type S3Access, type S3Server, s3Client, startS3 } from '../services/s3.ts';

/** An S3 server of a suite's own, whose files can be reached and made old. */
export interface ChaosStore extends S3Access {
  readonly port: number;
  readonly bucket: string;
  /** Every key that starts so, sorted. */
  keys(prefix: string): Promise<readonly string[]>;
  text(key: string): Promise<string>;
  /** Replaces the object, or makes it. */
  put(key: string, body: Buffer): Promise<void>;
  /** Copies what is below one folder to another. */
  copyFolder(from: string, to: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  /** Makes every object below a folder look as if it were written hours ago. */
  age(folder: string): void;
  close(): Promise<void>;
}

const OLD_MS = 5 * 3_600_000;

/** Starts the server and makes the bucket. */
export async function chaosStore(): Promise<ChaosStore> {
  const server: S3Server = required(await startS3());
  const bucket = 'chaos';
  await server.createBucket(bucket);
  const client = s3Client(server);
  const keys = async (prefix: string) => {
    const found: string[] = [];
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
      for (const { Key: key } of page.Contents ?? []) if (key !== undefined && !key.endsWith('/')) found.push(key);
    }
    return found.sort();
  };
  const copy = async (from: string, to: string) => {
    await client.send(new CopyObjectCommand({ Bucket: bucket, CopySource: `${bucket}/${encodeURI(from)}`, Key: to }));
  };
  return {
    endpoint: server.endpoint,
    region: server.region,
    accessKeyId: server.accessKeyId,
    secretAccessKey: server.secretAccessKey,
    port: server.port,
    bucket,
    keys,
    copy,
    async text(key) {
      const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await object.Body?.transformToString()) ?? '';
    },
    async put(key, body) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async copyFolder(from, to) {
      for (const key of await keys(`${from}/`)) await copy(key, `${to}/${key.slice(from.length + 1)}`);
    },
    age(folder) {
      const root = join(server.dir, bucket, folder);
      const then = new Date(Date.now() - OLD_MS);
      for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), then, then);
      }
    },
    async close() {
      client.destroy();
      await server.stop();
    },
  };
}
