import { connect, createServer, type Socket } from 'node:net';
import { tieTogether } from '../services/tcp-pair.ts';

/** A TCP proxy that cuts the connections through it. */
export interface CuttingProxy {
  readonly port: number;
  /** How many connections were cut so far. */
  readonly cuts: number;
  close(): Promise<void>;
}

/**
 * Passes connections on to a port of this machine. Each that has brought `bytes` from the server is cut in the middle of its
 * stream, `times` times in all.
 */
export async function cuttingProxy(
  target: number,
  { bytes, times }: { bytes: number; times: number },
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const end = tieTogether(client, upstream, sockets);
    let passed = 0;
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (passed + data.length > bytes && cuts < times) {
        cuts += 1;
        // Half a message arrives, as when a host goes away.
        client.write(data.subarray(0, Math.max(0, bytes - passed)), end);
        return;
      }
      passed += data.length;
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get cuts() {
      return cuts;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
