import { createServer, type Socket } from 'node:net';
import { type Document, deserialize, Long, serialize } from 'bson';

/** An answer to a command: a document, or nothing at all, or the connection cut. */
export type FakeAnswer = Document | 'silence' | 'cut';

export interface FakeMongod {
  readonly uri: string;
  readonly port: number;
  /** Commands received, handshakes and monitoring left out. */
  readonly commands: readonly Document[];
  close(): Promise<void>;
}

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

const HELLO: Document = {
  helloOk: true,
  ismaster: true,
  isWritablePrimary: true,
  maxBsonObjectSize: 16 * 1024 * 1024,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 21,
  localTime: new Date(Date.UTC(2026, 10, 1)),
  // With sessions the driver marks what is no monitoring of its own.
  logicalSessionTimeoutMinutes: 30,
  ok: 1,
};

/**
 * A server that speaks as much of MongoDB's wire protocol as a read needs, for answers that a real server can't be made to
 * give. `answer` gets each command and how many came before it; `undefined` means `{ok: 1}`. A free port if none is given.
 */
export async function fakeMongod(
  answer: (command: Document, index: number) => FakeAnswer | undefined,
  listenOn = 0,
): Promise<FakeMongod> {
  const commands: Document[] = [];
  const sockets = new Set<Socket>();
  const respond = (command: Document): FakeAnswer => {
    const name = Object.keys(command)[0] ?? '';
    if (/^(hello|ismaster)$/i.test(name) && command.client !== undefined) return HELLO;
    if (/^(hello|ismaster)$/i.test(name) && command.$db === 'admin' && command.lsid === undefined) return HELLO;
    if (name === 'endSessions' || name === 'killCursors') return { ok: 1 };
    commands.push(command);
    return answer(command, commands.length - 1) ?? (/^(hello|ismaster)$/i.test(name) ? HELLO : { ok: 1 });
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that hangs up in the middle is part of these tests.
    socket.on('error', () => socket.destroy());
    let pending = Buffer.alloc(0);
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 16 && pending.length >= pending.readInt32LE(0)) {
        const message = pending.subarray(0, pending.readInt32LE(0));
        pending = pending.subarray(message.length);
        const reply = respond(commandOf(message));
        if (reply === 'cut') socket.destroy();
        else if (reply !== 'silence') socket.write(replyTo(message, reply));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(listenOn, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    uri: `mongodb://127.0.0.1:${port}/`,
    port,
    commands,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A cursor's reply. `id` 0 means that it is exhausted. */
export function cursorReply(
  id: number,
  documents: readonly Document[],
  batch: 'firstBatch' | 'nextBatch' = 'firstBatch',
): Document {
  return { cursor: { id: Long.fromNumber(id), ns: 'test.c', [batch]: documents }, ok: 1 };
}

/** A command's failure, as `error_codes.yml` numbers it. */
export function failure(code: number, codeName: string, errmsg = `fake ${codeName}`): Document {
  return { ok: 0, code, codeName, errmsg };
}

function commandOf(message: Buffer): Document {
  if (message.readInt32LE(12) === OP_MSG) return deserialize(message.subarray(21));
  const namespaceEnd = message.indexOf(0, 20);
  return { ...deserialize(message.subarray(namespaceEnd + 9)), $db: 'admin' };
}

function replyTo(message: Buffer, document: Document): Buffer {
  const query = message.readInt32LE(12) === OP_QUERY;
  const body = serialize(document);
  const before = Buffer.alloc(query ? 36 : 21);
  before.writeInt32LE(before.length + body.length, 0);
  before.writeInt32LE(message.readInt32LE(4), 8);
  before.writeInt32LE(query ? OP_REPLY : OP_MSG, 12);
  if (query) before.writeInt32LE(1, 32);
  return Buffer.concat([before, body]);
}
