/** Hex digits drawn at random as a number drawn from [0, 1). */
export function fractionOf(hex: string): number {
  return Number.parseInt(hex, 16) / 16 ** hex.length;
}
