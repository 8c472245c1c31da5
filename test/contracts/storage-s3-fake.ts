import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the fake got it, with its body read. */
export interface FakeRequest {
  readonly method: string;
  /** Decoded path below the bucket: the full key. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Decides about one request: `pass` answers as S3 would, `lose` does what was asked and then breaks the connection, `hang` never
 * answers; a function answers by itself.
 */
export type Fault = 'pass' | 'lose' | 'hang' | ((response: ServerResponse) => void);

/** An S3 that can be made to fail as real servers can't. Path-style, one bucket, objects in memory, no signature checks. */
export interface FakeS3 {
  readonly endpoint: string;
  readonly requests: FakeRequest[];
  /** Full key → body. */
  readonly objects: Map<string, Buffer>;
  /** Conditions that the store accepts and ignores. */
  readonly ignored: Set<'if-none-match' | 'if-match'>;
  /** Asked for every request before it is answered; replace it. `pass` at first. */
  fault: (request: FakeRequest) => Fault;
  close(): Promise<void>;
}

/** Starts a fake S3 on a free port of this machine. */
export async function startFakeS3(): Promise<FakeS3> {
  const fake: Omit<FakeS3, 'endpoint' | 'close'> = {
    requests: [],
    objects: new Map(),
    ignored: new Set(),
    fault: () => 'pass',
  };
  const uploads = new Map<string, Map<number, Buffer>>();
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A client that gives up is what many of the tests are about.
    incoming.on('error', () => response.destroy());
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://fake');
      const request: FakeRequest = {
        method: incoming.method ?? '',
        key: decodeURIComponent(url.pathname.split('/').slice(2).join('/')),
        query: url.searchParams,
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      fake.requests.push(request);
      const fault = started.fault(request);
      if (fault === 'hang') return;
      if (typeof fault === 'function') fault(response);
      else {
        const answer = reply(fake, uploads, request);
        if (fault === 'lose') response.destroy();
        else send(response, answer);
      }
    });
  });
  const endpoint = await listening(server);
  const started: FakeS3 = Object.assign(fake, {
    endpoint,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return started;
}

/** An answer of the given status in S3's XML. */
export function s3ErrorAnswer(status: number, code: string, message?: string): Fault {
  return (response) => send(response, refusal(status, code, message));
}

/** An answer in XML. */
export function xmlAnswer(status: number, text: string): Fault {
  return (response) => send(response, xml(status, text));
}

/** A port of this machine on which nothing listens. */
export async function closedEndpoint(): Promise<string> {
  const server = createServer();
  const endpoint = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return endpoint;
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Reply {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
}

type Fakery = Pick<FakeS3, 'objects' | 'ignored'>;
type Uploads = Map<string, Map<number, Buffer>>;

function reply(fake: Fakery, uploads: Uploads, request: FakeRequest): Reply {
  const { method, query } = request;
  if (method === 'GET' || method === 'HEAD') return read(fake, request);
  if (method === 'DELETE') {
    if (query.has('uploadId')) uploads.delete(query.get('uploadId') ?? '');
    else fake.objects.delete(request.key);
    return { status: 204 };
  }
  if (method === 'PUT') return query.has('partNumber') ? putPart(uploads, request) : write(fake, request);
  if (query.has('uploads')) {
    const id = `upload-${uploads.size + 1}`;
    uploads.set(id, new Map());
    return xml(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }
  if (query.has('uploadId')) return complete(fake, uploads, request);
  if (!query.has('delete')) return refusal(501, 'NotImplemented');
  for (const [, key] of request.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) fake.objects.delete(key ?? '');
  return xml(200, '<DeleteResult></DeleteResult>');
}

function read(fake: Fakery, request: FakeRequest): Reply {
  const body = fake.objects.get(request.key);
  if (body === undefined) return refusal(404, 'NoSuchKey');
  const etag = etagOf(body);
  const match = request.headers['if-match'];
  if (match !== undefined && match !== etag) return refusal(412, 'PreconditionFailed');
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [start, end] = range === null ? [0, body.length] : [Number(range[1]), Number(range[2]) + 1];
  const part = body.subarray(start, end);
  const served = { 'content-range': `bytes ${start}-${start + part.length - 1}/${body.length}` };
  const headers = { etag, 'content-length': part.length, ...(range === null ? {} : served) };
  return { status: range === null ? 200 : 206, headers, ...(request.method === 'HEAD' ? {} : { body: part }) };
}

function write(fake: Fakery, request: FakeRequest): Reply {
  const there = fake.objects.get(request.key);
  const absent = fake.ignored.has('if-none-match') ? undefined : request.headers['if-none-match'];
  const match = fake.ignored.has('if-match') ? undefined : request.headers['if-match'];
  if (match !== undefined && there === undefined) return refusal(404, 'NoSuchKey');
  const other = match !== undefined && there !== undefined && etagOf(there) !== match;
  if (other || (absent !== undefined && there !== undefined)) return refusal(412, 'PreconditionFailed');
  fake.objects.set(request.key, request.body);
  return { status: 200, headers: { etag: etagOf(request.body) } };
}

function putPart(uploads: Uploads, request: FakeRequest): Reply {
  const parts = uploads.get(request.query.get('uploadId') ?? '');
  if (parts === undefined) return refusal(404, 'NoSuchUpload');
  parts.set(Number(request.query.get('partNumber')), request.body);
  return { status: 200, headers: { etag: etagOf(request.body) } };
}

function complete(fake: Fakery, uploads: Uploads, request: FakeRequest): Reply {
  const id = request.query.get('uploadId') ?? '';
  const parts = uploads.get(id);
  if (parts === undefined) return refusal(404, 'NoSuchUpload');
  const body = Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, part]) => part));
  uploads.delete(id);
  fake.objects.set(request.key, body);
  const etag = etagOf(body).replaceAll('"', '&quot;');
  return xml(200, `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`);
}

function refusal(status: number, code: string, message = `${code} of the fake`): Reply {
  return xml(status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

function xml(status: number, text: string): Reply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${text}`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(body);
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}
