import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vi } from 'vitest';

/** A request that a receiver of webhooks got. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export interface WebhookReceiver {
  readonly origin: string;
  readonly received: readonly Received[];
  /** Waits until so many requests have come. */
  got(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A server that takes webhooks. `answer` is told how many requests came before; 200 where it says nothing. */
export async function webhookReceiver(
  answer: (response: ServerResponse, before: number) => void = (response) => void response.end('ok'),
): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    received.push({ path: request.url ?? '', headers: request.headers, body });
    answer(response, received.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    got: (count) =>
      vi.waitFor(
        () => {
          if (received.length < count)
            throw new Error(`${received.length} of ${count} requests: ${JSON.stringify(received)}`);
        },
        { timeout: 60_000, interval: 20 },
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
