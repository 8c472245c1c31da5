/** Numbers in [0, 1), the same ones for the same key. */
export type Random = () => number;

/** What a stream of random numbers is for: one stream per kind and number, so that no document depends on another. */
export const STREAM = { notification: 1, booking: 2, guest: 3, selection: 4, change: 5, process: 6 } as const;

/**
 * The stream of one kind and number. `seed` and `index` are unsigned 32-bit integers. Keyed as PractRand keys sfc32: three
 * words, the counter at 1, fifteen rounds thrown away.
 */
export function random(seed: number, stream: number, index: number): Random {
  const next = sfc32(seed | 0, stream | 0, index | 0, 1);
  for (let round = 0; round < 15; round++) next();
  return next;
}

/**
 * sfc32, "small fast counting", by Chris Doty-Humphrey (PractRand, public domain). Only 32-bit integer steps, so every
 * machine draws the same numbers.
 */
function sfc32(a: number, b: number, c: number, counter: number): Random {
  return () => {
    const drawn = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return (drawn >>> 0) / 4294967296;
  };
}

/** An integer in [0, limit). */
export function below(next: Random, limit: number): number {
  return Math.floor(next() * limit);
}

/** True with this probability. */
export function chance(next: Random, probability: number): boolean {
  return next() < probability;
}

/** One of a list that is not empty. */
export function pick<T>(next: Random, list: readonly [T, ...T[]]): T {
  return list[below(next, list.length)] ?? list[0];
}
