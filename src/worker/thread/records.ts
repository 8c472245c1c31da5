import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** A key, by whose bytes records are ordered, and what belongs to it. */
export interface SortRecord {
  readonly key: Buffer;
  readonly payload: Buffer;
}

/** Writes records to a file of their own: both lengths, key, payload. */
export interface RecordWriter {
  add(record: SortRecord): void;
  close(): void;
}

const WRITE_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;
const HEADER = 8;

export function recordWriter(path: string): RecordWriter {
  const file = openSync(path, 'wx');
  let parts: Buffer[] = [];
  let held = 0;
  const flush = () => {
    const bytes = Buffer.concat(parts);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
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
    close() {
      flush();
      closeSync(file);
    },
  };
}

/** The records of a file, in order. They stay as they are when the next ones are read. */
export function* readRecords(path: string): Generator<SortRecord> {
  const file = openSync(path, 'r');
  try {
    let bytes = Buffer.alloc(0);
    let at = 0;
    /** Makes `count` bytes from `at` on be there; false at the end of the file. */
    const fill = (count: number): boolean => {
      if (bytes.length - at >= count) return true;
      const rest = bytes.length - at;
      const next = Buffer.allocUnsafeSlow(Math.max(count, READ_BYTES));
      bytes.copy(next, 0, at);
      let length = rest;
      while (length < next.length) {
        const read = readSync(file, next, length, next.length - length, null);
        if (read === 0) break;
        length += read;
      }
      bytes = next.subarray(0, length);
      at = 0;
      return length >= count;
    };
    while (fill(HEADER)) {
      const keyEnd = HEADER + bytes.readUInt32LE(at);
      const end = keyEnd + bytes.readUInt32LE(at + 4);
      if (!fill(end)) throw new Error(`${path} is cut short`);
      yield { key: bytes.subarray(at + HEADER, at + keyEnd), payload: bytes.subarray(at + keyEnd, at + end) };
      at += end;
    }
  } finally {
    closeSync(file);
  }
}
