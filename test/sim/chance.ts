/** A stream of chance that a seed and a name decide: the same two always give the same stream. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** True with this probability. Draws also where it is 0, so that switching a fault off leaves the rest of the stream as it was. */
  hits(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `bytes` bytes as lower-case hex. */
  hex(bytes: number): string;
}

/** Streams of different names are independent of each other: what one part of the simulation draws moves no other part. */
export function chanceOf(seed: number, name: string): Chance {
  const next = sfc32(mixed(`${seed}/${name}`));
  const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    hits: (probability) => next() < probability,
    pick<T>(items: readonly T[]): T {
      return items[integer(0, items.length - 1)] as T;
    },
    hex: (bytes) => Array.from({ length: bytes }, () => integer(0, 255).toString(16).padStart(2, '0')).join(''),
  };
}

type State = [number, number, number, number];

/** Four words of state from a text (FNV-1a with four bases). */
function mixed(text: string): State {
  return [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35].map((basis) => {
    let hash = basis;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash | 0;
  }) as State;
}

/** Chris Doty-Humphrey's Small Fast Counter of 32 bits (PractRand): small, fast, and good enough to pass its tests. */
function sfc32([a, b, c, d]: State): () => number {
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 2 ** 32;
  };
  // The first draws still look like the text.
  for (let i = 0; i < 12; i++) next();
  return next;
}
