/** Runs of at least this many equal levels are written as one. */
const RUN = 8;

/** Bits of a level up to `max`. */
function bitWidth(max: number): number {
  return 32 - Math.clz32(max);
}

/**
 * Repetition or definition levels as a data page of version 1 holds them (Parquet Encodings.md, "RLE / Bit-Packing Hybrid"), their
 * length before them. The library's own encoder copies all that it has with every run, which a long array makes quadratic.
 */
export function encodeLevels(levels: readonly number[], max: number): Buffer {
  const width = bitWidth(max);
  const out: number[] = [0, 0, 0, 0];
  let packedFrom = 0;
  let at = 0;
  while (at < levels.length) {
    const run = runLength(levels, at);
    // Packed levels come in groups of eight, so a run first fills up the group before it.
    const fill = (RUN - ((at - packedFrom) % RUN)) % RUN;
    if (run - fill >= RUN) {
      pack(out, levels, packedFrom, at + fill, width);
      varint(out, (run - fill) << 1);
      out.push(levels[at] as number);
      packedFrom = at + run;
    }
    at += run;
  }
  pack(out, levels, packedFrom, levels.length, width);
  const bytes = Buffer.from(out);
  bytes.writeUInt32LE(bytes.length - 4, 0);
  return bytes;
}

function runLength(levels: readonly number[], from: number): number {
  let end = from + 1;
  while (end < levels.length && levels[end] === levels[from]) end++;
  return end - from;
}

/** `[from, to)` in groups of eight, the last filled with zeros; the least significant bits first. */
function pack(out: number[], levels: readonly number[], from: number, to: number, width: number): void {
  if (from === to) return;
  const groups = Math.ceil((to - from) / RUN);
  varint(out, (groups << 1) | 1);
  let bits = 0;
  let held = 0;
  for (let i = from; i < from + groups * RUN; i++) {
    bits |= (i < to ? (levels[i] as number) : 0) << held;
    held += width;
    while (held >= 8) {
      out.push(bits & 0xff);
      bits >>>= 8;
      held -= 8;
    }
  }
}

function varint(out: number[], value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
}
