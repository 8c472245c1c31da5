import { connect, createServer, type Socket } from 'node:net';
import { tieTogether } from '../services/tcp-pair.ts';
import { seededRandom, weighted } from './random.ts';

/** What becomes of a connection, once it has carried some chunks. */
export type Fate =
  | 'lasts'
  /** It breaks, and what the client said last does not arrive. */
  | 'cut-before'
  /** What the client said last arrives, and then it breaks: the answer is lost. */
  | 'cut-after'
  /** It breaks in the middle of an answer. */
  | 'cut-answer'
  /** Answers are not passed on any more, though everything arrives at the store. */
  | 'silence'
  /** Each chunk is late. */
  | 'slow';

/** A TCP proxy whose connections come to bad ends. */
export interface FaultyLine {
  readonly port: number;
  /** How many connections met which fate. */
  readonly met: ReadonlyMap<Fate, number>;
  /** From now on connections last; those that are silent or slow already are cut. */
  calm(): void;
  close(): Promise<void>;
}

const FATES: readonly (readonly [Fate, number])[] = [
  ['cut-before', 3],
  ['cut-after', 3],
  ['cut-answer', 3],
  ['slow', 2],
  ['silence', 1],
];
const SLOW_MS = 30;
/** A connection carries fewer chunks than this before its fate comes. */
const CHUNKS = 12;

/** Passes connections on to a port of this machine; `share` of them come to a bad end, the same for the same seed and order. */
export async function faultyLine(target: number, seed: number, share: number): Promise<FaultyLine> {
  const random = seededRandom(seed);
  const met = new Map<Fate, number>();
  const sockets = new Set<Socket>();
  let calm = false;
  const server = createServer((client) => {
    const fate = calm || random() >= share ? 'lasts' : weighted(random, FATES);
    const after = Math.floor(random() * CHUNKS);
    const happens = () => {
      if (calm) return false;
      met.set(fate, (met.get(fate) ?? 0) + 1);
      return true;
    };
    carry(client, connect(target, '127.0.0.1'), sockets, { fate, after, happens });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    met,
    calm() {
      calm = true;
      cutAll();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cutAll();
      }),
  };
}

interface Course {
  readonly fate: Fate;
  /** Chunks that pass before it. */
  readonly after: number;
  /** Whether it comes after all; counts it. */
  readonly happens: () => boolean;
}

function carry(client: Socket, upstream: Socket, sockets: Set<Socket>, { fate, after, happens }: Course): void {
  const end = tieTogether(client, upstream, sockets);
  let said = 0;
  let answered = 0;
  client.on('data', (data) => {
    const due = said++ === after;
    if (due && fate === 'cut-before' && happens()) return end();
    if (due && fate === 'cut-after' && happens()) return upstream.write(data, () => client.destroy());
    if (due && fate === 'slow') happens();
    return later(fate === 'slow' && said > after, () => upstream.write(data));
  });
  let silent = false;
  upstream.on('data', (data) => {
    const due = answered++ === after;
    if (due && fate === 'cut-answer' && happens()) return client.write(data.subarray(0, data.length >> 1), end);
    if (due && fate === 'silence') silent = happens();
    if (silent) return undefined;
    return later(fate === 'slow' && answered > after, () => client.write(data));
  });
}

/** Chunks keep their order: timers of one length fire in the order in which they were set. */
function later(slow: boolean, write: () => void): void {
  if (slow) setTimeout(write, SLOW_MS);
  else write();
}
