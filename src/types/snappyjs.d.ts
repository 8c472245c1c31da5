declare module 'snappyjs' {
  /** Snappy's raw format (github.com/google/snappy, format_description.txt). */
  export function compress(bytes: Uint8Array): Uint8Array;
  export function uncompress(bytes: Uint8Array, maxLength?: number): Uint8Array;
}
