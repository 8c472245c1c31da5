import { connect, createServer, type Socket } from 'node:net';
import { deserialize } from 'bson';
import { tieTogether } from '../services/tcp-pair.ts';

/** A proxy in front of a MongoDB-wire server that notes the names of the commands that pass. */
export interface CommandCounter {
  readonly port: number;
  /** In the order sent, without the handshakes and heartbeats of the driver. */
  readonly commands: string[];
  close(): Promise<void>;
}

/** MongoDB wire protocol, "Standard Message Header" and `OP_MSG`: 16 bytes, 4 of flags, a kind byte 0, the command. */
const HEADER_BYTES = 16;
const OP_MSG = 2013;
const BODY_AT = HEADER_BYTES + 4 + 1;

/** What a driver sends by itself: it asks every server how it is, and says goodbye to it. */
const OWN = new Set(['hello', 'ismaster', 'isMaster', 'endSessions', 'saslStart', 'saslContinue']);

export async function commandCounter(target: {
  readonly hostname: string;
  readonly port: string;
}): Promise<CommandCounter> {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    tieTogether(client, upstream, sockets);
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        const name = commandOf(message);
        if (name !== undefined && !OWN.has(name)) commands.push(name);
        rest = rest.subarray(message.length);
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => client.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    commands,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function commandOf(message: Buffer): string | undefined {
  if (message.readInt32LE(12) !== OP_MSG) return undefined;
  const body = message.subarray(BODY_AT, BODY_AT + message.readInt32LE(BODY_AT));
  return Object.keys(deserialize(body))[0];
}
