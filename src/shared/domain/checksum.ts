import { crc32 } from 'node:zlib';

/** The CRC-32 of bytes, or of a text's UTF-8, that come in pieces (the polynomial of gzip and zip). */
export interface Checksum {
  add(piece: Uint8Array | string): void;
  /** Of what was added so far, as 8 hex digits. */
  readonly text: string;
}

/** A checksum of nothing yet. */
export function startChecksum(): Checksum {
  let value = 0;
  return {
    add(piece) {
      value = crc32(piece, value);
    },
    get text() {
      return value.toString(16).padStart(8, '0');
    },
  };
}

/** The CRC-32 of bytes, or of a text's UTF-8, as 8 hex digits. */
export function checksumOf(content: Uint8Array | string): string {
  const sum = startChecksum();
  sum.add(content);
  return sum.text;
}
