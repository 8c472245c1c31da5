/**
 * Numbers as BSON has them, little-endian (bsonspec.org, "Basic Types"). They are read some forty times a document; Buffer's own methods
 * check their arguments each time and cost three times as much. What is read must lie within the bytes.
 */

/** A signed integer of 32 bits. */
export function int32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** An unsigned integer of 32 bits. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at) >>> 0;
}

const scratch = new DataView(new ArrayBuffer(8));

/** A double (IEEE 754 binary64). */
export function doubleAt(bytes: Uint8Array, at: number): number {
  scratch.setInt32(0, int32At(bytes, at), true);
  scratch.setInt32(4, int32At(bytes, at + 4), true);
  return scratch.getFloat64(0, true);
}
