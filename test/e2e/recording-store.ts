import { createServer, type IncomingMessage, request } from 'node:http';

/** An HTTP proxy before an S3 store that keeps every body that is put, whatever becomes of the object. */
export interface RecordingStore {
  readonly endpoint: string;
  /** Key and bytes of each PUT, in order; the parts of an upload in parts stand by themselves. */
  readonly puts: readonly { readonly key: string; readonly body: Buffer }[];
  close(): Promise<void>;
}

/** Passes requests on as they are, and so with a signature that holds. */
export async function recordingStore(endpoint: string): Promise<RecordingStore> {
  const { hostname, port } = new URL(endpoint);
  const puts: { key: string; body: Buffer }[] = [];
  const server = createServer((incoming, answer) => {
    const { method, url: path = '/', headers } = incoming;
    const outgoing = request({ hostname, port, method, path, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      if (method === 'PUT') puts.push({ key: decodeURIComponent(path), body: bodyOf(incoming, Buffer.concat(chunks)) });
    });
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    puts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The object's bytes, out of the chunks that a signed stream comes in (AWS, "Signature Calculations: Multiple Chunks"). */
function bodyOf({ headers }: IncomingMessage, sent: Buffer): Buffer {
  if (!String(headers['content-encoding']).includes('aws-chunked')) return sent;
  const parts: Buffer[] = [];
  let at = 0;
  while (true) {
    const end = sent.indexOf('\r\n', at);
    const length = Number.parseInt(sent.toString('latin1', at, end), 16);
    if (!(length > 0)) return Buffer.concat(parts);
    parts.push(sent.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
