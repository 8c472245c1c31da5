import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { S3StorageOptions } from '../../../src/shared/adapters/storage-s3-client.ts';
import { failureOf, s3Bench } from '../../contracts/storage-s3-bench.ts';
import { type FakeRequest, xmlAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();
const page = (keys: readonly string[], next?: string): string => {
  const contents = keys.map(
    (key) =>
      `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-02T03:04:05.678Z</LastModified></Contents>`,
  );
  const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
  return `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`;
};

describe('what goes over the wire', () => {
  it('needs no checksum that older stores do not know, and signs the body', async () => {
    await bench.storage.put('a', Buffer.from('abc'));
    await bench.storage.put('b', Readable.from([Buffer.alloc(9_000_000)]));
    await bench.storage.putIfAbsent('c', Buffer.from('w'), 'w');
    await bench.storage.delete(['a', 'b']);
    for (const { method, headers, body } of bench.fake.requests) {
      const names = Object.keys(headers);
      expect(names.filter((name) => /x-amz-(checksum|sdk-checksum|trailer)|content-encoding/.test(name))).toEqual([]);
      if (method === 'PUT')
        expect(headers['x-amz-content-sha256']).toBe(createHash('sha256').update(body).digest('hex'));
    }
    const deletion = bench.fake.requests.at(-1);
    const md5 = createHash('md5')
      .update(deletion?.body ?? '')
      .digest('base64');
    expect(deletion?.headers['content-md5']).toBe(md5);
    expect([...bench.fake.objects.keys()]).toEqual(['table/c']);
  });

  it('names the root without slashes at its ends', () => {
    expect(bench.open({ prefix: '/a/b/' }).uri).toBe('s3://lake/a/b');
    expect(bench.open({ prefix: '' }).uri).toBe('s3://lake');
  });
});

describe('what the bucket is to be', () => {
  const kms = { kind: 'kms', keyId: 'alias/lake', bucketKey: true } as const;
  const everything = async (options: Partial<S3StorageOptions>) => {
    const storage = bench.open(options);
    bench.fake.fault = ({ key, query }) => {
      if (query.has('list-type')) return xmlAnswer(200, page([]));
      return query.has('partNumber') && key.endsWith('/d') ? xmlAnswer(403, '<Error/>') : 'pass';
    };
    await storage.put('a', Buffer.from('abc'));
    await storage.put('b', Readable.from([Buffer.alloc(9_000_000)]));
    const written = await storage.putIfAbsent('c', Buffer.from('w'), 'w');
    if (written.written) await storage.putIfMatch('c', Buffer.from('w2'), written.etag, 'w2');
    await storage.get('a');
    await storage.get('a', { start: 1, end: 1 });
    for await (const _ of storage.list('')) break;
    await storage.delete(['a', 'b']);
    await storage.delete(['c']);
    await failureOf(storage.put('d', Readable.from([Buffer.alloc(9_000_000)])));
    return bench.fake.requests;
  };
  const name = ({ method, query }: FakeRequest) =>
    `${method} ${[...query.keys()].filter((key) => key !== 'x-id').sort()}`;

  it('every request names the owner that is expected, also those of lib-storage', async () => {
    const requests = await everything({ expectedBucketOwner: '111122223333' });
    expect(new Set(requests.map(name))).toEqual(
      new Set(
        ['PUT ', 'POST uploads', 'PUT partNumber,uploadId', 'POST uploadId', 'DELETE uploadId', 'HEAD ', 'GET '].concat(
          ['GET list-type,prefix', 'POST delete', 'DELETE '],
        ),
      ),
    );
    for (const { headers } of requests) expect(headers['x-amz-expected-bucket-owner']).toBe('111122223333');
  });

  it.each([
    ['SSE-S3', { kind: 's3' } as const, ['AES256', undefined, undefined]],
    ['SSE-KMS', kms, ['aws:kms', 'alias/lake', 'true']],
    ["SSE-KMS by the account's key", { kind: 'kms' } as const, ['aws:kms', undefined, undefined]],
  ])('every object is written with %s, and no other request speaks of it', async (_name, encryption, wanted) => {
    for (const request of await everything({ encryption })) {
      const writes = ['PUT ', 'POST uploads'].includes(name(request));
      const { headers } = request;
      const told = ['', '-aws-kms-key-id', '-bucket-key-enabled'].map(
        (end) => headers[`x-amz-server-side-encryption${end}`],
      );
      expect(told).toEqual(writes ? wanted : [undefined, undefined, undefined]);
    }
  });

  it('nothing is said of either where it is not configured', async () => {
    for (const { headers } of await everything({}))
      expect(Object.keys(headers).filter((key) => /encryption|owner/.test(key))).toEqual([]);
  });
});

describe('a listing', () => {
  const keysOf = async (startAfter?: string): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of bench.storage.list('', startAfter === undefined ? {} : { startAfter })) keys.push(key);
    return keys;
  };

  it('leaves out folder markers and keys that nothing could be done with', async () => {
    bench.fake.fault = () => xmlAnswer(200, page(['table/', 'table/a', 'table/b/', 'table/b//c', 'table/c']));
    expect(await keysOf()).toEqual(['a', 'c']);
  });

  it('goes on page by page, and skips what a store that ignores start-after gives', async () => {
    bench.fake.fault = ({ query }) => {
      const second = query.get('continuation-token') === 'more&more';
      const xml = second ? page(['table/c', 'table/d']) : page(['table/a', 'table/b'], 'more&amp;more');
      return xmlAnswer(200, xml);
    };
    expect(await keysOf()).toEqual(['a', 'b', 'c', 'd']);
    expect(await keysOf('b')).toEqual(['c', 'd']);
    expect(bench.fake.requests.at(-1)?.query.get('start-after')).toBe('table/b');
  });

  it('is refused where it is not in order', async () => {
    bench.fake.fault = () => xmlAnswer(200, page(['table/b', 'table/a']));
    const error = await failureOf(keysOf());
    expect(error).toMatchObject({ code: 'STORE_REFUSED' });
    expect(error.message).toContain('"a" after "b"');
  });
});

describe('credentials that change', () => {
  it('sign the next request, of a storage that is open too', async () => {
    let accessKeyId = 'OLDKEY';
    const storage = bench.open({ credentials: () => ({ accessKeyId, secretAccessKey: 'a secret of the test' }) });
    await storage.put('a', Buffer.from('a'));
    accessKeyId = 'NEWKEY';
    await storage.put('b', Buffer.from('b'));
    await storage.get('b');
    const signers = bench.fake.requests.map(
      ({ headers }) => /Credential=(\w+)\//.exec(String(headers.authorization))?.[1],
    );
    expect(signers).toEqual(['OLDKEY', 'NEWKEY', 'NEWKEY']);
  });
});
