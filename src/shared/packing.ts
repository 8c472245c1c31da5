import snappyjs from 'snappyjs';
import { bufferOf } from './domain/buffers.ts';

type Packer = (bytes: Buffer) => Buffer;

interface Snappy {
  readonly compress: Packer;
  readonly uncompress: Packer;
}

const portable: Snappy = {
  compress: (bytes) => bufferOf(snappyjs.compress(bytes)),
  uncompress: (bytes) => bufferOf(snappyjs.uncompress(bytes)),
};

/** Native code where there is some for this machine; what both make, both read. */
async function loadSnappy(): Promise<Snappy> {
  try {
    const { compressSync, uncompressSync } = await import('snappy');
    // A copy of its output each time: what native code owns is only given back when the event loop turns, and a thread that has one task
    // after another never does. Besides, such buffers have a hidden class of their own, and code that has seen both is slower with either.
    const options = { copyOutputData: true, asBuffer: true };
    return {
      compress: (bytes) => compressSync(bytes, options),
      uncompress: (bytes) => bufferOf(uncompressSync(bytes, options) as Buffer),
    };
  } catch {
    return portable;
  }
}

const snappy = await loadSnappy();

/**
 * Packs bytes in Snappy's raw format: segments are written once and read once, so what it costs counts for more than how small they get.
 * It has no checksum of its own.
 */
export function pack(bytes: Buffer): Buffer {
  return snappy.compress(bytes);
}

/** Bytes before a packed block in a segment: its length. */
const HEADER_BYTES = 4;

/** What stands before a packed block of so many bytes. */
export function blockHeader(length: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(length);
  return header;
}

/** The blocks of a chunk of a segment, unpacked one by one. Throws where it is no whole chunk. */
export function* unpackBlocks(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; ) {
    const start = at + HEADER_BYTES;
    at = start + chunk.readUInt32LE(at);
    yield unpack(chunk.subarray(start, at));
  }
}

/** Throws where the bytes are no whole block. */
export function unpack(packed: Buffer): Buffer {
  return snappy.uncompress(packed);
}
