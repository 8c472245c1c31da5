const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** A number as an axis shows it: `950`, `1.2K`, `4M`. */
export function compact(value: number): string {
  return COMPACT.format(value);
}

/** The least of 1, 1.5, 2, 3, 4, 5, 6, 8 or 10 times a power of ten that is not below `value`; 1 for what is below that. */
export function roundedUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return power * ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10);
}

/** A place on an axis that grows upwards from 0 to 1, and what is written there. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** An axis: where a value is, from 0 to 1, and its ticks. */
export interface Axis {
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

/** From 0 to a round number that is not below `greatest`. */
export function linearAxis(greatest: number): Axis {
  const top = roundedUp(greatest);
  return {
    place: (value) => Math.min(1, Math.max(0, value / top)),
    ticks: [0, 0.5, 1].filter((at) => top >= 2 || at !== 0.5).map((at) => ({ at, text: compact(at * top) })),
  };
}

/** Each step is ten times the one before: from `least` to a power of ten of it that is not below `greatest`. `ticks` are those to be written. */
export function logAxis(
  least: number,
  greatest: number,
  ticks: readonly (readonly [value: number, text: string])[],
): Axis {
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(least, greatest) / least) - 1e-9));
  const place = (value: number) => Math.min(1, Math.max(0, Math.log10(Math.max(value, least) / least) / decades));
  return {
    place,
    ticks: ticks
      .filter(([value]) => value <= least * 10 ** decades)
      .map(([value, text]) => ({ at: place(value), text })),
  };
}
