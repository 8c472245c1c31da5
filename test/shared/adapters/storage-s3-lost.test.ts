import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Storage } from '../../../src/shared/ports/storage.ts';
import { failureOf, s3Bench } from '../../contracts/storage-s3-bench.ts';
import { type FakeRequest, type Fault, s3ErrorAnswer, xmlAnswer } from '../../contracts/storage-s3-fake.ts';

const bench = s3Bench();

const small = Buffer.from('abc');
const large = Buffer.alloc(9 * 2 ** 20, 'mongolake');
const reset: Fault = (response) => response.destroy();

/** What may go wrong once and is over the next time. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['a lost answer', 'lose'],
  ['a connection reset before the effect', reset],
  ['no answer in time', 'hang'],
  ['429', s3ErrorAnswer(429, 'TooManyRequests')],
  ['500', s3ErrorAnswer(500, 'InternalError')],
  ['503', s3ErrorAnswer(503, 'SlowDown')],
];

interface Call {
  readonly name: string;
  /** The request that meets the fault. */
  readonly about: (request: FakeRequest) => boolean;
  readonly run: (storage: Storage) => Promise<unknown>;
  /** What is in the store afterwards; `a` and `b` were there before. */
  readonly left: Readonly<Record<string, Buffer>>;
}

const CALLS: readonly Call[] = [
  {
    name: 'get',
    about: ({ method }) => method === 'GET',
    run: async (storage) => expect((await storage.get('a'))?.body).toEqual(small),
    left: { a: small, b: small },
  },
  {
    name: 'get of a range',
    about: ({ method }) => method === 'GET',
    run: async (storage) => expect((await storage.get('a', { start: 1, end: 3 }))?.body.toString()).toBe('bc'),
    left: { a: small, b: small },
  },
  {
    name: 'put',
    about: ({ method }) => method === 'PUT',
    run: (storage) => storage.put('c', small),
    left: { a: small, b: small, c: small },
  },
  {
    name: 'the beginning of a put in parts',
    about: ({ query }) => query.has('uploads'),
    run: (storage) => storage.put('c', Readable.from([large])),
    left: { a: small, b: small, c: large },
  },
  {
    name: 'a part of a put',
    about: ({ query }) => query.has('partNumber'),
    run: (storage) => storage.put('c', Readable.from([large])),
    left: { a: small, b: small, c: large },
  },
  {
    name: 'delete',
    about: ({ method }) => method === 'DELETE',
    run: (storage) => storage.delete(['a']),
    left: { b: small },
  },
  {
    name: 'delete of many',
    about: ({ query }) => query.has('delete'),
    run: (storage) => storage.delete(['a', 'b']),
    left: {},
  },
];

function fill(): void {
  bench.fake.objects.set('table/a', small);
  bench.fake.objects.set('table/b', small);
}

function expectLeft(left: Readonly<Record<string, Buffer>>): void {
  const found = [...bench.fake.objects].map(([key, body]) => [
    key.slice('table/'.length),
    body.equals(left[key.slice(6)] ?? Buffer.alloc(0)),
  ]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.keys(left).map((key) => [key, true])));
}

describe.each(FAULTS)('after %s', (_, fault) => {
  it.each(CALLS)('$name is done by another try', async ({ about, run, left }) => {
    fill();
    bench.failFirst(about, fault);
    await run(bench.open({ requestTimeoutMs: 400 }));
    expectLeft(left);
    expect(bench.fake.requests.filter(about).length).toBeGreaterThan(1);
  });
});

describe('an answer that breaks off', () => {
  const cut: Fault = (response) => {
    response.writeHead(404, { 'content-type': 'application/xml', 'content-length': 300 });
    response.write('<Error><Code>NoSu', () => response.destroy());
  };

  it.each(CALLS)('says nothing, whatever its status was: $name', async ({ run }) => {
    fill();
    bench.fake.fault = () => cut;
    expect(await failureOf(run(bench.open({ maxAttempts: 1 })))).toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
    });
  });
});

describe('a store that is throttled for good', () => {
  it.each([
    [429, 'TooManyRequests'],
    [503, 'SlowDown'],
  ])('is told as such, and can be tried again later (%i %s)', async (status, code) => {
    fill();
    bench.fake.fault = () => s3ErrorAnswer(status, code);
    const target = bench.open({ maxAttempts: 1 });
    for (const { run } of CALLS) {
      const error = await failureOf(run(target));
      expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
      expect(error.message).toContain(`${code} (HTTP ${status})`);
    }
    expectLeft({ a: small, b: small });
  });
});

describe('the completion of a put in parts', () => {
  const isCompletion = ({ method, query }: FakeRequest): boolean => method === 'POST' && query.has('uploadId');
  const put = (): Promise<unknown> => bench.storage.put('c', Readable.from([large]));

  it.each([
    ['never arrived', reset],
    ['was refused for now', s3ErrorAnswer(503, 'SlowDown')],
    ['failed in an answer that begins as a success', xmlAnswer(200, '<Error><Code>InternalError</Code></Error>')],
  ] as const)('that %s is sent again', async (_, fault) => {
    bench.failFirst(isCompletion, fault);
    await put();
    expect(bench.fake.objects.get('table/c')?.equals(large)).toBe(true);
  });

  it('whose answer is lost leaves an unknown outcome where the store forgot the upload: not a "no"', async () => {
    bench.failFirst(isCompletion, 'lose');
    expect(await failureOf(put())).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
    expect(bench.fake.objects.get('table/c')?.equals(large)).toBe(true);
  });
});

describe('a batch of deletions', () => {
  it.each(['SlowDown', 'InternalError'])(
    'that the store could not do in part, for now (%s), is tried again later',
    async (code) => {
      bench.fake.fault = () =>
        xmlAnswer(200, `<DeleteResult><Error><Key>table/b</Key><Code>${code}</Code></Error></DeleteResult>`);
      const error = await failureOf(bench.storage.delete(['a', 'b']));
      expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
      expect(error.message).toContain(`delete of "table/b" and 0 more failed: ${code}`);
    },
  );
});

describe('a page of a listing', () => {
  const isList = ({ query }: FakeRequest): boolean => query.has('list-type');
  const contents = '<Contents><Key>table/a</Key><Size>3</Size></Contents>';
  const whole = `<ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`;
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key } of bench.storage.list('')) found.push(key);
    return found;
  };
  const listing = (...faults: Fault[]): void => {
    const rest = [...faults];
    bench.fake.fault = (request) => (isList(request) ? (rest.shift() ?? xmlAnswer(200, whole)) : 'pass');
  };
  /** A connection that breaks in the middle of the answer. */
  const cut: Fault = (response) => {
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': whole.length });
    response.write(whole.slice(0, 80), () => response.destroy());
  };

  it.each([
    ['breaks off', cut],
    ['never comes', reset],
    ['is refused for now', s3ErrorAnswer(503, 'SlowDown')],
  ])('that %s is asked for again', async (_, fault) => {
    listing(fault);
    expect(await keys()).toEqual(['a']);
  });

  it.each([
    ['is cut and looks complete to HTTP', whole.slice(0, 80)],
    ['is empty', ''],
    ['is cut between two keys', whole.slice(0, -'</ListBucketResult>'.length)],
    ['is something else', '<html><body>Please log in</body></html>'],
    ['does not say where the next one begins', whole.replace('false', 'true')],
    ['does not say whether there is another', whole.replace('<IsTruncated>false</IsTruncated>', '')],
  ])('that %s is never taken for the end', async (_, text) => {
    bench.fake.fault = () => xmlAnswer(200, text);
    expect(await failureOf(keys())).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
  });
});
