import type { Outcome, ScenarioResult } from './rounds.ts';
import { median } from './statistics.ts';

/** Pixels of the picture, before it is scaled. */
const WIDTH = 800;
const NAMES = 190;
const BARS = 440;
const ROW = 24;
const BAR = 15;
const HEAD = 46;
const GAP = 14;
/** Of a line below all. */
const FOOT = 18;

/** For a light page and a dark one; an <img> follows the reader's system. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .small { font-size: 12px; fill: #59636e }
  .bar { fill: #afb8c1 }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .bar { fill: #656c76 }
    .ours { fill: #4493f8 }
  }`;

/**
 * The medians as bars, a group for each result; within a group the longest bar is the longest time. `foot` are lines below all, such as
 * the machine.
 */
export function chart(results: readonly ScenarioResult[], foot: readonly string[]): string {
  const parts: string[] = [];
  let y = 0;
  for (const result of results.filter(({ outcomes }) => outcomes.length > 0)) {
    parts.push(...group(result, y));
    y += HEAD + result.outcomes.length * ROW + GAP;
  }
  const height = y + foot.length * FOOT + GAP;
  const label = `Seconds and peak memory: ${results.map(({ title }) => title).join('; ')}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(label)}">`,
    `<style>${STYLE}\n</style>`,
    ...parts,
    ...foot.map((line, i) => text(0, y + (i + 1) * FOOT, 'small', line)),
    '</svg>',
    '',
  ].join('\n');
}

function group({ title, about, outcomes }: ScenarioResult, top: number): string[] {
  const longest = Math.max(...outcomes.map(({ seconds }) => median(seconds)));
  return [
    text(0, top + 16, 'title', title),
    text(0, top + 34, 'small', firstSentence(about)),
    ...outcomes.flatMap((outcome, i) => row(outcome, longest, top + HEAD + i * ROW)),
  ];
}

function row({ name, seconds, peakBytes }: Outcome, longest: number, top: number): string[] {
  const time = median(seconds);
  const width = Math.max((time / longest) * BARS, 1).toFixed(1);
  const middle = top + ROW / 2 + 5;
  const kind = name.startsWith('mongolake') ? 'bar ours' : 'bar';
  const label = `${time.toFixed(time < 100 ? 1 : 0)} s · ${Math.round(median(peakBytes) / 1e6).toLocaleString('en-US')} MB`;
  return [
    `<text x="${NAMES - 10}" y="${middle}" text-anchor="end">${escaped(name)}</text>`,
    `<rect class="${kind}" x="${NAMES}" y="${top + (ROW - BAR) / 2}" width="${width}" height="${BAR}" rx="2"/>`,
    text(NAMES + Number(width) + 8, middle, 'small', label),
  ];
}

function firstSentence(words: string): string {
  return /^.*?\.(?= |$)/.exec(words)?.[0] ?? words;
}

function text(x: number, y: number, kind: string, words: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
