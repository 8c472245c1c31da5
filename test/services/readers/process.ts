import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parse } from 'lossless-json';
import { lastLines } from '../command.ts';
import type { ReaderPython } from './install.ts';

/** A row as read: timestamps, binary, decimals, NaN and infinities are strings; an integer beyond 2^53 is a bigint. */
export type Row = Readonly<Record<string, unknown>>;

/** One reading, as read.py takes it. */
export interface ReadRequest {
  readonly table: string;
  readonly version?: number;
  readonly columns?: readonly string[];
  readonly where?: string;
  readonly orderBy?: readonly string[];
  readonly statements?: readonly string[];
  readonly view?: string;
}

/** A running read.py. */
export interface ReaderProcess {
  readonly pid: number | undefined;
  /** Rows of one reading; requests are answered one after the other. Throws what the engine says, or its stderr where it died. */
  read(request: ReadRequest): Promise<Row[]>;
  /** False once the process has ended. */
  alive(): boolean;
  /** Ends the process and waits for it. */
  close(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('./read.py', import.meta.url));

/** Starts read.py for an engine; it ends when this process does, as its stdin closes. `env` is added to the environment. */
export function startReader(
  engine: string,
  python: ReaderPython,
  env: Readonly<Record<string, string>>,
): ReaderProcess {
  const child = spawn(python.python, [SCRIPT, engine, '--serve'], { env: { ...process.env, ...python.env, ...env } });
  let stderr = '';
  let ended = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      stderr += error.message;
      ended = true;
      resolve();
    });
    child.once('close', () => {
      ended = true;
      resolve();
    });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  hold(child, false);

  const answer = async (request: ReadRequest): Promise<Row[]> => {
    hold(child, true);
    try {
      if (ended) throw new Error('it has ended');
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return await readAnswer(lines);
    } catch (error) {
      if (error instanceof EndOfAnswers) await gone;
      throw new Error(`${engine} on ${request.table}: ${String(error)} ${ended ? lastLines(stderr) : ''}`);
    } finally {
      hold(child, false);
    }
  };
  return {
    pid: child.pid,
    read(request) {
      const result = last.then(() => answer(request));
      last = result.catch(() => {});
      return result;
    },
    alive: () => !ended,
    async close() {
      hold(child, true);
      child.stdin.end();
      await gone;
    },
  };
}

class EndOfAnswers extends Error {}

async function readAnswer(lines: AsyncIterator<string>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const next = await lines.next();
    if (next.done) throw new EndOfAnswers('the reader ended');
    const line = next.value;
    if (line === '.') return rows;
    if (line.startsWith('!')) throw new Error(String(parse(line.slice(1))));
    rows.push(parse(line.slice(1), undefined, parseNumber) as Row);
  }
}

function parseNumber(text: string): number | bigint {
  const value = Number(text);
  return /[.eE]/.test(text) || Number.isSafeInteger(value) ? value : BigInt(text);
}

/** Whether the child keeps this process alive: only while a request is open. */
function hold(child: ChildProcessWithoutNullStreams, on: boolean): void {
  for (const handle of [child, child.stdin, child.stdout, child.stderr] as { ref?(): void; unref?(): void }[]) {
    if (on) handle.ref?.();
    else handle.unref?.();
  }
}
