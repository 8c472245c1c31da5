import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { failureOf, s3Bench } from '../../contracts/storage-s3-bench.ts';
import { xmlAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();

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

describe('a listing', () => {
  const page = (keys: readonly string[], next?: string): string => {
    const contents = keys.map(
      (key) =>
        `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-02T03:04:05.678Z</LastModified></Contents>`,
    );
    const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
    return `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`;
  };
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
