/** XXH32 as its specification has it (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), written apart from the code under test. */
export function xxh32(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let hash = (seed + P5) | 0;
  if (bytes.length >= 16) {
    const lanes = [(seed + P1 + P2) | 0, (seed + P2) | 0, seed | 0, (seed - P1) | 0];
    for (; at + 16 <= bytes.length; at += 16)
      for (let lane = 0; lane < 4; lane++)
        lanes[lane] = multiply(
          rotated(((lanes[lane] as number) + multiply(view.getUint32(at + lane * 4, true), P2)) | 0, 13),
          P1,
        );
    hash = lanes.reduce((sum, lane, i) => (sum + rotated(lane, [1, 7, 12, 18][i] as number)) | 0, 0);
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4)
    hash = multiply(rotated((hash + multiply(view.getUint32(at, true), P3)) | 0, 17), P4);
  for (; at < bytes.length; at++) hash = multiply(rotated((hash + multiply(view.getUint8(at), P5)) | 0, 11), P1);
  hash = multiply(hash ^ (hash >>> 15), P2);
  hash = multiply(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const P1 = 2654435761;
const P2 = 2246822519;
const P3 = 3266489917;
const P4 = 668265263;
const P5 = 374761393;

const multiply = Math.imul;

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
