import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

/** What a terminal would act on instead of showing it: control characters, and those that turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A value from outside as it may be printed: on one line, and without what a terminal would act on. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char];
    return short ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The same for several lines, as problems come. Those after the first are set in: no text from outside poses as a line of ours. */
export function printableLines(text: string, indent = 2): string {
  return text
    .split('\n')
    .map(printable)
    .join(`\n${' '.repeat(indent)}`);
}

/** A table's name at the head of what is told of it: collections may be called anything. */
export function tableTitle(table: string): string {
  return pc.bold(printable(table));
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NARROWLESS = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a text takes on a terminal, colours not counted. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += widthOfCharacter(character);
  return width;
}

function widthOfCharacter(character: string): number {
  if (NARROWLESS.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The text cut to `width` columns, with `…` where something is missing. Without colours. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let taken = 1;
  for (const character of text) {
    taken += widthOfCharacter(character);
    if (taken > width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The text filled up with spaces to `width` columns, on the left or on the right. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(width - widthOf(text), 0));
  return align === 'left' ? text + spaces : spaces + text;
}

/** Rows as lines of aligned columns, two spaces apart, without spaces at the end. Missing cells are empty. */
export function alignRows(
  rows: readonly (readonly string[])[],
  aligns: readonly ('left' | 'right')[] = [],
): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows.map((row) =>
    widths
      .map((width, column) => pad(row[column] ?? '', width, aligns[column]))
      .join('  ')
      .trimEnd(),
  );
}

/** `1 file`, `2 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A duration in its largest unit and the next, without seconds from a minute on: `3 d 4 h`, `12 min`, `5 s`. Below zero counts as zero. */
export function duration(ms: number): string {
  const whole = Math.max(ms, 0);
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0 s';
  let rest = whole;
  const parts = UNITS.slice(first, first + 2).map(([unit, size]) => {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    return amount === 0 || (unit === 's' && whole >= 60_000) ? '' : `${amount} ${unit}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}

/** `2026-01-31 02:00:00Z`, to the second before; a dash where there is no time. */
export function timeText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}
