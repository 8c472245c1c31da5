import xxhash from 'xxhash-wasm';

const { h32Raw } = await xxhash();

/** Names how an id becomes a hash; part of a table's configuration, so that a later rule never meets an older table's files. */
export const HASH_VERSION = 'xxh32-1';

/** XXH32 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md) of the bytes under a seed, unsigned 32 bits. */
export function hash32(bytes: Uint8Array, seed: number): number {
  return h32Raw(bytes, seed) >>> 0;
}

/** The partition of a hash. `partitions` is a power of two, so that doubling it splits each partition in two. */
export function partitionOf(hash: number, partitions: number): number {
  return (hash & (partitions - 1)) >>> 0;
}
