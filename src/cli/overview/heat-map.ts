import { bytesText } from '../../shared/domain/bytes-text.ts';
import { number, seconds } from '../output.ts';
import { counted } from '../text.ts';
import { type Content, html, type Markup } from './html.ts';
import type { MergeCell, PartitionSize, RunView } from './view.ts';

/** Shades of a cell, beside none. */
export const SHADES = 5;

/** More cells than this are drawn several to one: no eye tells them apart. */
export const CELLS_AT_MOST = 4096;

/** The shade of a value as a share of the greatest one: 1 to `SHADES`; 0 for nothing. */
export function shadeOf(value: number, greatest: number): number {
  if (value <= 0 || greatest <= 0) return 0;
  return Math.min(SHADES, Math.max(1, Math.ceil((value / greatest) * SHADES)));
}

/** One square: what its class is, and what is told of it. */
interface Cell {
  readonly kind: string;
  readonly title: string;
}

/** What a run's merge jobs do: hollow ones wait, full ones are merged, in the shade of their documents. `label` tells it in a sentence. */
export function runHeatMap(cells: readonly MergeCell[], label: string): Markup {
  const greatest = cells.reduce((most, { documents = 0 }) => Math.max(most, documents), 0);
  const squares = cells.map(
    (cell, partition): Cell => ({
      kind: cell.state === 'merged' ? `m${mergedShade(cell, greatest)}` : cell.state === 'waiting' ? 'w' : 'u',
      title: `Partition ${number(partition)}: ${mergedText(cell)}`,
    }),
  );
  return grid(together(squares, mergedOfMany), label);
}

function mergedShade({ documents }: MergeCell, greatest: number): number {
  return documents === undefined ? 3 : Math.max(1, shadeOf(documents, greatest));
}

/** What became of a partition: `merged, 3,912 documents in 1.2 s`. */
export function mergedText({ state, documents, durationMs }: MergeCell): string {
  if (state === 'waiting') return 'not merged yet';
  if (state === 'untouched') return 'nothing to merge';
  if (documents === undefined || durationMs === undefined) return 'merged';
  return `merged, ${counted(documents, 'document')} in ${seconds(durationMs)}`;
}

/** Of many in one square: waiting while any of them waits. */
function mergedOfMany(cells: readonly Cell[], first: number): Cell {
  const kind = cells.find((cell) => cell.kind === 'w')?.kind ?? cells.find((cell) => cell.kind !== 'u')?.kind ?? 'u';
  return { kind, title: `${rangeText(first, cells.length)}: ${kind === 'w' ? 'some not merged yet' : 'done'}` };
}

/** Which ranges a run has read. */
export function rangeMap(ranges: readonly boolean[], label: string): Markup {
  const squares = ranges.map(
    (read, ordinal): Cell => ({
      kind: read ? 'm3' : 'w',
      title: `Range ${number(ordinal)}: ${read ? 'read' : 'not read yet'}`,
    }),
  );
  return grid(together(squares, mergedOfMany), label);
}

/** How large partitions are, beside the largest. */
export function sizeMap(partitions: readonly PartitionSize[], label: string): Markup {
  const greatest = partitions.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const squares = partitions.map(
    ({ rows, bytes, files }, partition): Cell => ({
      kind: rows === 0 ? 'u' : `m${Math.max(1, shadeOf(bytes, greatest))}`,
      title: `Partition ${number(partition)}: ${counted(rows, 'row')}, ${bytesText(bytes)} in ${counted(files, 'file')}`,
    }),
  );
  return grid(together(squares, largestOfMany), label);
}

function largestOfMany(cells: readonly Cell[], first: number): Cell {
  const kind = cells.reduce((most, cell) => (cell.kind > most && cell.kind !== 'u' ? cell.kind : most), '');
  return { kind: kind === '' ? 'u' : kind, title: `${rangeText(first, cells.length)}: the largest of them` };
}

function rangeText(first: number, count: number): string {
  return `${number(first)} to ${number(first + count - 1)}`;
}

function together(cells: readonly Cell[], merge: (cells: readonly Cell[], first: number) => Cell): readonly Cell[] {
  const each = Math.ceil(cells.length / CELLS_AT_MOST);
  if (each <= 1) return cells;
  const groups = Math.ceil(cells.length / each);
  return Array.from({ length: groups }, (_, group) =>
    merge(cells.slice(group * each, (group + 1) * each), group * each),
  );
}

/** The squares say nothing to who can't see them: the label does. */
function grid(cells: readonly Cell[], label: string): Markup {
  const size = cells.length <= 16 ? 'l' : cells.length <= 64 ? 'm' : cells.length <= 1024 ? 's' : 'xs';
  const squares = cells.map(({ kind, title }) => html`<i class="${kind}" title="${title}"></i>`);
  return html`<div class="heat ${size}" role="img" aria-label="${label}">${squares}</div>`;
}

/** What the shades of a map mean. */
export function legend(items: readonly (readonly [kind: string, text: string])[], scale: Content): Markup {
  return html`<ul class="legend">${items.map(
    ([kind, text]) => html`<li><i class="${kind}" aria-hidden="true"></i>${text}</li>`,
  )}<li class="scale">${[1, 2, 3, 4, 5].map((shade) => html`<i class="m${shade}" aria-hidden="true"></i>`)}<span>${scale}</span></li></ul>`;
}

/** `37 of 64 partitions are merged, 27 wait`: what a run's map shows. */
export function mergeSentence({ cells, status }: RunView): string {
  const noun = status.staged.plan?.rewrite ? 'group' : 'partition';
  const count = (state: MergeCell['state']) => cells.filter((cell) => cell.state === state).length;
  const [merged, waiting, untouched] = [count('merged'), count('waiting'), count('untouched')];
  const rest = untouched === 0 ? '' : `, ${number(untouched)} untouched`;
  return `${number(merged)} of ${counted(merged + waiting, noun)} merged, ${number(waiting)} to go${rest}`;
}
