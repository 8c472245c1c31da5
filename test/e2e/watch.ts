import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that remembers what clients say. */
export interface Watch {
  readonly port: number;
  /** Whether any connection brought these bytes in one piece from the client. */
  heard(text: string): boolean;
  close(): Promise<void>;
}

/** Passes connections on to a port of this machine and listens to what goes there; without a target it takes them and is silent. */
export async function watch(target?: number): Promise<Watch> {
  const sockets = new Set<Socket>();
  const streams: Buffer[][] = [];
  const server = createServer((client) => {
    const said: Buffer[] = [];
    streams.push(said);
    const upstream = target === undefined ? undefined : connect(target, '127.0.0.1');
    const end = () => {
      client.destroy();
      upstream?.destroy();
    };
    for (const socket of [client, upstream]) {
      if (socket === undefined) continue;
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => {
      said.push(data);
      upstream?.write(data);
    });
    upstream?.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    heard: (text) => streams.some((said) => Buffer.concat(said).includes(text)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
