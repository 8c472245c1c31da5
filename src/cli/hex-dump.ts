import { counted } from './text.ts';

const LINE_BYTES = 16;
/** Lines of a dump; what is longer is for a file. */
const MOST_LINES = 1024;

/** Bytes as lines of offset, hexadecimal digits and ASCII; the first 16 KiB of them. */
export function hexDump(bytes: Buffer): readonly string[] {
  const shown = Math.min(bytes.length, MOST_LINES * LINE_BYTES);
  const lines: string[] = [];
  for (let at = 0; at < shown; at += LINE_BYTES)
    lines.push(hexLine(bytes.subarray(at, Math.min(at + LINE_BYTES, shown)), at));
  const rest = bytes.length - shown;
  return rest === 0 ? lines : [...lines, `… ${counted(rest, 'more byte')} (--raw writes all)`];
}

function hexLine(part: Buffer, at: number): string {
  const digits = (part.toString('hex').match(/../g) ?? []).join(' ');
  const ascii = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
  return `${at.toString(16).padStart(8, '0')}  ${digits.padEnd(LINE_BYTES * 3 - 1)}  ${ascii}`;
}
