import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll } from 'vitest';
import type { Need, Services } from './provided.ts';
import { s3Client } from './s3.ts';

/** Hooks that make and remove what is a suite's own: its bucket, its database, its Redis keys. */
export function useOwnSpace(services: Services, needs: readonly Need[]): void {
  if (needs.includes('s3')) {
    beforeAll(() => createBucket(services.s3));
    afterAll(() => removeBucket(services.s3));
  }
  if (needs.includes('redis')) afterAll(() => deleteKeys(services.redis));
  if (needs.includes('mongodb') || needs.includes('mongod')) afterAll(() => dropDatabase(services.mongodb));
}

async function createBucket(s3: Services['s3']): Promise<void> {
  const client = s3Client(s3);
  try {
    await client.send(new CreateBucketCommand({ Bucket: s3.bucket }));
  } finally {
    client.destroy();
  }
}

async function removeBucket(s3: Services['s3']): Promise<void> {
  const client = s3Client(s3);
  const Bucket = s3.bucket;
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket })) {
      const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
      if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    }
    await client.send(new DeleteBucketCommand({ Bucket }));
  } finally {
    client.destroy();
  }
}

async function deleteKeys(redis: Services['redis']): Promise<void> {
  const client = new Redis(redis.url, { maxRetriesPerRequest: 1 });
  try {
    for await (const keys of client.scanStream({ match: `${redis.prefix}*`, count: 1000 })) {
      if (keys.length > 0) await client.unlink(keys);
    }
  } finally {
    client.disconnect();
  }
}

async function dropDatabase(mongodb: Services['mongodb']): Promise<void> {
  const client = new MongoClient(mongodb.uri);
  try {
    await client.db(mongodb.database).dropDatabase();
  } finally {
    await client.close();
  }
}
