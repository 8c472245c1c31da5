import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { type S3Access, s3Client } from '../services/s3.ts';
import { seededRandom, weighted } from './random.ts';

/** What becomes of one request. */
export type Trouble =
  | 'pass'
  /** The connection breaks before the store hears of it. */
  | 'cut'
  /** The store does it, and the connection breaks before its answer is there. */
  | 'lose'
  /** Half of the answer arrives, then the connection breaks. */
  | 'cut-answer'
  | 'delay'
  /** Answered in the store's stead, which does not hear of it. */
  | 'slow-down'
  | 'too-many'
  | 'internal'
  /** A conditional put is done without its condition, and the answer says that all is well. */
  | 'unconditional';

export interface StoreFront {
  readonly endpoint: string;
  /** How many requests met which trouble. */
  readonly met: ReadonlyMap<Trouble, number>;
  /** From now on every request passes. */
  calm(): void;
  close(): Promise<void>;
}

interface Heard {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
}

const DELAY_MS = 400;

const REFUSALS: Partial<Record<Trouble, readonly [status: number, code: string]>> = {
  'slow-down': [503, 'SlowDown'],
  'too-many': [429, 'TooManyRequests'],
  internal: [500, 'InternalError'],
};

/** An HTTP server before an S3 store that makes trouble: `draw` decides about each request. */
export async function storeFront(store: S3Access, draw: (request: IncomingMessage) => Trouble): Promise<StoreFront> {
  const met = new Map<Trouble, number>();
  const client = s3Client(store);
  let calm = false;
  const handle = async (heard: Heard, response: ServerResponse) => {
    const trouble = calm ? 'pass' : draw(heard.incoming);
    met.set(trouble, (met.get(trouble) ?? 0) + 1);
    const refusal = REFUSALS[trouble];
    if (trouble === 'cut') return heard.incoming.socket.destroy();
    if (refusal !== undefined) return refuse(response, ...refusal);
    if (trouble === 'unconditional') return putAnyway(client, heard, response);
    const answer = await forward(store, heard);
    if (trouble === 'lose') return heard.incoming.socket.destroy();
    if (trouble === 'delay') await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    response.writeHead(answer.status, answer.headers);
    if (trouble !== 'cut-answer' || answer.body.length < 2) return response.end(answer.body);
    return response.write(answer.body.subarray(0, answer.body.length >> 1), () => heard.incoming.socket.destroy());
  };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => response.destroy());
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      handle({ incoming, body: Buffer.concat(chunks) }, response).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    met,
    calm: () => {
      calm = true;
    },
    close: () =>
      new Promise((resolve) => {
        client.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Draws trouble for `share` of the requests, at most `most` times; the same for the same seed and order. */
export function troubles(
  seed: number,
  share: number,
  most: number,
  kinds: readonly (readonly [Trouble, number])[],
): () => Trouble {
  const random = seededRandom(seed);
  let left = most;
  return () => {
    if (left === 0 || random() >= share) return 'pass';
    left--;
    return weighted(random, kinds);
  };
}

/** True for a put under a condition. */
export function isConditional({ method, headers }: IncomingMessage): boolean {
  return method === 'PUT' && (headers['if-none-match'] !== undefined || headers['if-match'] !== undefined);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Passes a request on as it is, and so with a signature that holds. */
function forward(store: S3Access, { incoming, body }: Heard): Promise<Answer> {
  const { hostname, port } = new URL(store.endpoint);
  const { method, url: path, headers } = incoming;
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 502, headers: reply.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>told to by a test</Message></Error>`);
}

async function putAnyway(
  client: ReturnType<typeof s3Client>,
  { incoming, body }: Heard,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://store');
  const [, bucket, ...key] = decodeURIComponent(pathname).split('/');
  const { ETag: etag = '' } = await client.send(
    new PutObjectCommand({ Bucket: bucket, Key: key.join('/'), Body: body }),
  );
  response.writeHead(200, { etag });
  response.end();
}
