import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { PutIfResult, Storage } from '../../src/shared/ports/storage.ts';

/** All keys that a listing gives. */
export async function keysOf(storage: Storage, prefix = '', startAfter?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix, startAfter === undefined ? {} : { startAfter })) keys.push(key);
  return keys;
}

/** Bytes that don't repeat with a period that parts or chunks could have. */
export function pattern(length: number): Buffer {
  const body = Buffer.allocUnsafe(length);
  for (let index = 0, state = 1; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body[index] = state >>> 24;
  }
  return body;
}

/** The body in pieces of `length` bytes. */
export function* pieces(body: Buffer, length: number): Generator<Buffer> {
  for (let start = 0; start < body.length; start += length) yield body.subarray(start, start + length);
}

/** A stream that gives `sent`, then never ends; `then` is called when the reader asks for more. */
export function stalling(sent: Buffer, then: (stream: Readable) => void): Readable {
  const chunks = pieces(sent, 64_000);
  return new Readable({
    read() {
      const { value, done } = chunks.next();
      if (done) then(this);
      else this.push(value);
    },
  });
}

/** `writer-000` and so on; none is part of another. */
export function writerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `writer-${String(index).padStart(3, '0')}`);
}

/** A body that names its writer, as conditional puts need it. */
export function bodyOf(writer: string): Buffer {
  return Buffer.from(JSON.stringify({ writer, filler: 'x'.repeat(2000) }));
}

/** Runs `count` writers at the same time; what each got, by its name. */
export async function race(
  count: number,
  run: (writer: string) => Promise<PutIfResult>,
): Promise<ReadonlyMap<string, PutIfResult>> {
  return new Map(await Promise.all(writerNames(count).map(async (writer) => [writer, await run(writer)] as const)));
}

/** Runs `run` for every item, `width` at a time. */
export async function inParallel<T>(
  width: number,
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await run(item);
    }),
  );
}

/** For comparing large bodies without printing them. */
export function sha256(body: Buffer | undefined): string {
  return createHash('sha256')
    .update(body ?? 'none')
    .digest('hex');
}
