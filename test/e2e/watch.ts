import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that remembers what is said through it. */
export interface Watch {
  readonly port: number;
  /** Whether any connection brought these bytes in one piece from the client. */
  heard(text: string): boolean;
  /** Whether any connection brought these bytes in one piece from the target. */
  answered(text: string): boolean;
  close(): Promise<void>;
}

/** Passes connections on to a port of this machine and listens to what goes there; without a target it takes them and is silent. */
export async function watch(target?: number): Promise<Watch> {
  const sockets = new Set<Socket>();
  const streams: Buffer[][] = [];
  const answers: Buffer[][] = [];
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
    const answer: Buffer[] = [];
    answers.push(answer);
    upstream?.on('data', (data) => answer.push(data)).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    heard: (text) => within(streams, text),
    answered: (text) => within(answers, text),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function within(streams: readonly (readonly Buffer[])[], text: string): boolean {
  return streams.some((said) => Buffer.concat(said).includes(text));
}
