import { type Document, serialize } from 'bson';

/** An element as bytes: its type, its name, its value. */
export function element(type: number, name: string | Buffer, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(name), Buffer.from([0]), value]);
}

/** A document of such elements; `length` and `terminator` where they shall be wrong. */
export function documentOf(elements: readonly Buffer[], length?: number, terminator = 0): Buffer {
  const body = Buffer.concat(elements);
  return Buffer.concat([int32(length ?? body.length + 5), body, Buffer.from([terminator])]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** A string value; `length` where it shall be wrong. */
export function text(value: string | Buffer, length?: number, terminator = 0): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int32(length ?? bytes.length + 1), bytes, Buffer.from([terminator])]);
}

/** BSON of a document as MongoDB's driver writes it; a `Map` keeps the order of its keys. */
export function bson(document: Document): Buffer {
  return Buffer.from(serialize(document, { ignoreUndefined: false }));
}

/** A value within a document of its own. */
export interface Placed {
  readonly bytes: Buffer;
  readonly type: number;
  readonly at: number;
  readonly end: number;
}

/** A value as the driver writes it, or a type and its bytes. */
export function placed(value: unknown): Placed {
  const bytes = bson(new Map([['v', value]]) as unknown as Document);
  return { bytes, type: bytes[4] as number, at: 7, end: bytes.length - 1 };
}

export function placedRaw(type: number, value: Buffer): Placed {
  const bytes = documentOf([element(type, 'v', value)]);
  return { bytes, type, at: 7, end: bytes.length - 1 };
}

/** `levels` arrays in each other, the innermost empty. */
export function nestedArrays(levels: number): Buffer {
  const bytes = Buffer.alloc(levels * 8 - 3);
  for (let i = 0; i < levels; i++) {
    bytes.writeInt32LE((levels - i) * 8 - 3, i * 7);
    if (i < levels - 1) bytes.write('\x04' + '0', i * 7 + 4, 'latin1');
  }
  return bytes;
}
