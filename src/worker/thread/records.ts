import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { uint32At } from '../../shared/domain/little-endian.ts';

/** A key, by whose bytes records are ordered, and what belongs to it. */
export interface SortRecord {
  readonly key: Buffer;
  readonly payload: Buffer;
}

/**
 * Writes records to a file of their own: both lengths, key, payload. Neither it nor the reader holds the file open between two calls: a
 * task that fails may leave them as they are, and an open file would keep its space on a full disk after it was deleted.
 */
export interface RecordWriter {
  add(record: SortRecord): void;
  close(): void;
}

const WRITE_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;
const HEADER = 8;

export function recordWriter(path: string): RecordWriter {
  writeFileSync(path, '', { flag: 'wx' });
  let parts: Buffer[] = [];
  let held = 0;
  const flush = () => {
    appendFileSync(path, Buffer.concat(parts));
    parts = [];
    held = 0;
  };
  return {
    add({ key, payload }) {
      const header = Buffer.allocUnsafe(HEADER);
      header.writeUInt32LE(key.length, 0);
      header.writeUInt32LE(payload.length, 4);
      parts.push(header, key, payload);
      held += HEADER + key.length + payload.length;
      if (held >= WRITE_BYTES) flush();
    },
    close: flush,
  };
}

/** The records of a file, in order. They stay as they are when the next ones are read. */
export function* readRecords(path: string): Generator<SortRecord> {
  let bytes = Buffer.alloc(0);
  let at = 0;
  /** Place in the file of what comes after `bytes`. */
  let place = 0;
  /** Makes `count` bytes from `at` on be there; false at the end of the file. */
  const fill = (count: number): boolean => {
    if (bytes.length - at >= count) return true;
    const rest = bytes.subarray(at);
    const next = Buffer.allocUnsafeSlow(Math.max(count, READ_BYTES));
    rest.copy(next);
    const read = readInto(path, next.subarray(rest.length), place);
    place += read;
    bytes = next.subarray(0, rest.length + read);
    at = 0;
    return bytes.length >= count;
  };
  while (fill(HEADER)) {
    const keyEnd = HEADER + uint32At(bytes, at);
    const end = keyEnd + uint32At(bytes, at + 4);
    if (!fill(end)) throw new Error(`${path} is cut short`);
    yield { key: bytes.subarray(at + HEADER, at + keyEnd), payload: bytes.subarray(at + keyEnd, at + end) };
    at += end;
  }
}

/** Fills `target` with what the file has from `place` on; returns how many bytes that were. */
function readInto(path: string, target: Buffer, place: number): number {
  const file = openSync(path, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < target.length; length += read) {
      read = readSync(file, target, length, target.length - length, place + length);
    }
    return length;
  } finally {
    closeSync(file);
  }
}
