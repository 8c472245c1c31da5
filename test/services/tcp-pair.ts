import type { Socket } from 'node:net';

/** Ties both ends of a proxied connection: what ends one, ends the other. They are in `sockets` while they are open. Returns their end. */
export function tieTogether(client: Socket, upstream: Socket, sockets: Set<Socket>): () => void {
  const end = () => {
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) {
    sockets.add(socket);
    socket.on('error', end);
    socket.on('close', () => {
      sockets.delete(socket);
      end();
    });
  }
  return end;
}
