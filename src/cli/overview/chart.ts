import { type ChartedVersion, rowsByVersion, type SchemaChange } from '../../coordinator/charted.ts';
import { number, seconds } from '../output.ts';
import { counted, timeText } from '../text.ts';
import { html, type Markup } from './html.ts';
import { type Axis, linearAxis, logAxis } from './scale.ts';
import type { TableHistory } from './view.ts';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = WIDTH - 8;
/** So few versions do not fill the width. */
const SLOTS_AT_LEAST = 30;
const BAR_AT_MOST = 20;
const MARKS_Y = 12;

interface Panel {
  readonly title: string;
  readonly top: number;
  readonly height: number;
}

const ROWS: Panel = { title: 'Rows in the table', top: 46, height: 96 };
const CHANGED: Panel = { title: 'Rows changed by each version (log scale)', top: 182, height: 72 };
const TOOK: Panel = { title: 'Duration of its run (log scale)', top: 294, height: 60 };
const HEIGHT = 396;

/** A version on the chart. */
interface Point {
  readonly version: ChartedVersion;
  readonly x: number;
  readonly rows: number | undefined;
  readonly changed: number;
  readonly tookMs: number | undefined;
  readonly schema: SchemaChange | undefined;
}

/** The history of a table, whose newest version has `rows`: one column for each version, the oldest on the left. */
export function historyChart(history: TableHistory, rows: number): Markup {
  const points = pointsOf(history, rows);
  const step = stepOf(points.length);
  const bar = Math.min(BAR_AT_MOST, Math.max(1, step * 0.7));
  const greatestMs = Math.max(0, ...points.map(({ tookMs = 0 }) => tookMs));
  const changedAxis = logAxis(1, Math.max(10, ...points.map(({ changed }) => changed)), POWERS);
  const tookAxis = logAxis(100, greatestMs, DURATIONS);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${historySentence(history, rows)}">
${points.map((point) => markOf(point))}
${panel(ROWS, linearAxis(Math.max(1, ...points.map(({ rows = 0 }) => rows))), (axis) => rowsArea(points, step, axis))}
${panel(CHANGED, changedAxis, (axis) => bars(points, bar, CHANGED, ({ changed }) => (changed > 0 ? axis.place(changed) : undefined)))}
${panel(TOOK, tookAxis, (axis) => bars(points, bar, TOOK, ({ tookMs }) => (tookMs === undefined ? undefined : axis.place(tookMs))))}
${labels(points)}
${points.map((point) => html`<rect class="hit" x="${fixed(point.x - step / 2)}" y="0" width="${fixed(step)}" height="${HEIGHT}"><title>${pointText(point)}</title></rect>`)}
</svg>`;
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].map(
  (value) => [value, value.toLocaleString('en-US', { notation: 'compact' })] as const,
);
const DURATIONS = [
  [100, '0.1 s'],
  [1000, '1 s'],
  [10_000, '10 s'],
  [60_000, '1 min'],
  [600_000, '10 min'],
  [3_600_000, '1 h'],
  [36_000_000, '10 h'],
] as const;

function stepOf(count: number): number {
  return (RIGHT - LEFT) / Math.max(count, SLOTS_AT_LEAST);
}

function pointsOf({ versions, schemas }: TableHistory, rows: number): readonly Point[] {
  const known = rowsByVersion(versions, rows);
  const step = stepOf(versions.length);
  return versions.toReversed().map((version, index) => ({
    version,
    x: LEFT + step * (index + 0.5),
    rows: known.get(version.version),
    changed: changedBy(version),
    tookMs: tookOf(version),
    schema: schemas.get(version.version),
  }));
}

/** Rows that a version inserted, updated or deleted. */
export function changedBy({ counts }: ChartedVersion): number {
  return counts === undefined ? 0 : counts.inserted + counts.updated + counts.deleted;
}

/** How long its run took from the plan to the commit, milliseconds; `undefined` where nobody said. */
export function tookOf({ startedAt, time }: ChartedVersion): number | undefined {
  return startedAt === undefined ? undefined : Math.max(0, time - startedAt);
}

/** What the chart shows, in a sentence or two. */
export function historySentence({ versions, schemas }: TableHistory, rows: number): string {
  const [newest, oldest] = [versions[0], versions.at(-1)];
  if (newest === undefined || oldest === undefined) return 'No version is known yet.';
  const longest = Math.max(0, ...versions.map((version) => tookOf(version) ?? 0));
  const changed =
    schemas.size === 0 ? 'The schema stayed as it was.' : `The schema changed in ${listed([...schemas.keys()])}.`;
  const before = rowsByVersion(versions, rows).get(oldest.version);
  const grew =
    before === undefined || versions.length === 1
      ? `now ${counted(rows, 'row')}`
      : `from ${number(before)} to ${counted(rows, 'row')}`;
  if (versions.length === 1)
    return `Version ${number(newest.version)}: ${grew}; its run took ${seconds(longest)}. ${changed}`;
  return `Versions ${number(oldest.version)} to ${number(newest.version)}: ${grew}; the longest run took ${seconds(longest)}. ${changed}`;
}

function listed(versions: readonly number[]): string {
  const told = versions.slice(-5).map(number).join(', ');
  if (versions.length > 5) return `${counted(versions.length, 'version')}, last in ${told}`;
  return versions.length === 1 ? `version ${told}` : `versions ${told}`;
}

function pointText({ version, rows, tookMs, schema }: Point): string {
  const { counts, time, operation } = version;
  const told = counts === undefined ? '' : countsText(counts);
  return [
    `Version ${number(version.version)}, ${timeText(time)}: ${operation ?? 'unknown'}`,
    ...(told === '' ? [] : [told]),
    ...(rows === undefined ? [] : [`${counted(rows, 'row')} in the table`]),
    ...(tookMs === undefined ? [] : [`took ${seconds(tookMs)}`]),
    ...(schema === undefined ? [] : [`schema: ${schemaText(schema)}`]),
  ].join('; ');
}

/** `12 inserted, 3 updated`; nothing where nothing changed. */
export function countsText({ inserted, updated, deleted, quarantined }: NonNullable<ChartedVersion['counts']>): string {
  const parts = Object.entries({ inserted, updated, deleted, quarantined });
  return parts
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${number(count)} ${what}`)
    .join(', ');
}

const COLUMNS_TOLD = 3;

/** `+ status string, − note string`, with the first few of many. */
export function schemaText({ added, removed }: SchemaChange): string {
  const all = [...added.map((column) => `+ ${column}`), ...removed.map((column) => `− ${column}`)];
  const more = all.length - COLUMNS_TOLD;
  return [...all.slice(0, COLUMNS_TOLD), ...(more > 0 ? [`and ${number(more)} more`] : [])].join(', ');
}

/** A diamond where the schema changed, a triangle where a version is no reading of the source or another writer's. */
function markOf({ x, schema, version }: Point): Markup {
  const lines = html`<line class="mark-line" x1="${fixed(x)}" x2="${fixed(x)}" y1="${MARKS_Y + 8}" y2="${TOOK.top + TOOK.height}"/>`;
  const diamond = html`<path class="mark schema" d="M${fixed(x)} ${MARKS_Y - 7}l6 7-6 7-6-7z"/>`;
  const triangle = html`<path class="mark other" d="M${fixed(x)} ${MARKS_Y - 6}l6.5 12h-13z"/>`;
  if (schema !== undefined) return html`${lines}${diamond}`;
  return isReading(version) ? html`` : html`${lines}${triangle}`;
}

/** Whether a version is what a run made of the source: any other one stands out. */
export function isReading({ operation }: ChartedVersion): boolean {
  return ['SYNC', 'BACKFILL', 'RETRY', 'REPAIR'].includes(operation ?? '');
}

function panel({ title, top, height }: Panel, axis: Axis, content: (axis: Axis) => Markup): Markup {
  const ticks = axis.ticks.map(({ at, text }) => {
    const y = fixed(top + height * (1 - at));
    return html`<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${y}" y2="${y}"/><text class="tick" x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${text}</text>`;
  });
  return html`<text class="panel" x="${LEFT}" y="${top - 12}">${title}</text>${ticks}${content(axis)}`;
}

/** Steps from version to version, with a gap where rows are not known. */
function rowsArea(points: readonly Point[], step: number, axis: Axis): Markup {
  const bottom = fixed(ROWS.top + ROWS.height);
  const pieces = knownPieces(points).map((piece) => {
    const y = ({ rows = 0 }: Point) => fixed(ROWS.top + ROWS.height * (1 - axis.place(rows)));
    const steps = piece.map((point) => `V${y(point)}H${fixed(point.x + step / 2)}`).join('');
    const [first] = piece;
    if (first === undefined) return html``;
    const start = fixed(first.x - step / 2);
    return html`<path class="area" d="M${start} ${bottom}${steps}V${bottom}z"/><path class="line" d="M${start} ${y(first)}${steps}"/>`;
  });
  return html`${pieces}`;
}

function knownPieces(points: readonly Point[]): readonly (readonly Point[])[] {
  const pieces: Point[][] = [[]];
  for (const point of points) {
    if (point.rows === undefined) pieces.push([]);
    else pieces.at(-1)?.push(point);
  }
  return pieces;
}

function bars(
  points: readonly Point[],
  width: number,
  { top, height }: Panel,
  share: (point: Point) => number | undefined,
): Markup {
  const rects = points.map((point) => {
    const part = share(point);
    if (part === undefined) return html``;
    const tall = Math.max(2, part * height);
    return html`<rect class="bar" x="${fixed(point.x - width / 2)}" y="${fixed(top + height - tall)}" width="${fixed(width)}" height="${fixed(tall)}"/>`;
  });
  return html`${rects}`;
}

const LABELS = 7;

function labels(points: readonly Point[]): Markup {
  const every = Math.max(1, Math.ceil(Math.max(points.length, SLOTS_AT_LEAST) / LABELS));
  const y = TOOK.top + TOOK.height;
  const shown = points.filter((_, index) => index % every === 0);
  return html`${shown.map(({ x, version }) => {
    const [day, time] = timeText(version.time).slice(0, 16).split(' ');
    return html`<text class="tick" x="${fixed(x)}" y="${y + 18}" text-anchor="middle">v${number(version.version)}</text><text class="tick faint" x="${fixed(x)}" y="${y + 34}" text-anchor="middle">${day?.slice(5) ?? ''} ${time ?? ''}</text>`;
  })}`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
