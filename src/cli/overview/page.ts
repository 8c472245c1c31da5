import { VERSION } from '../../app/version.ts';
import { duration, timeText } from '../text.ts';
import { type Content, html, type Markup } from './html.ts';
import { HEALTH_TEXT, type Health } from './state.ts';
import type { Trouble } from './view.ts';

/** Paths of what pages load. */
export const STYLE_PATH = '/overview.css';
export const SCRIPT_PATH = '/overview.js';

/** Who looks, and at what. */
export interface Looker {
  /** Who it is, where a proxy or a login tells. */
  readonly viewer: string | undefined;
  /** Whether there is a queue to look at, at `/queues`. */
  readonly hasBoard: boolean;
}

/** What is around the content of a page. */
export interface Frame extends Looker {
  readonly title: string;
  /** When what it shows was read, epoch milliseconds; `undefined` where nothing was. */
  readonly now: number | undefined;
  /** Whether it is kept up to date; a list of much is not. */
  readonly live: boolean;
  /** What is said aloud when it changes: little, and seldom. */
  readonly said: string;
}

/** A whole page. */
export function page({ title, now, viewer, hasBoard, live, said }: Frame, content: Content): string {
  const refresh = html`<noscript><meta http-equiv="refresh" content="10"></noscript>`;
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} · mongolake</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="${STYLE_PATH}">
${live && html`<script type="module" src="${SCRIPT_PATH}"></script>`}
${live && refresh}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<a class="brand" href="/"><img src="/logo.svg" alt="" width="28" height="28">mongolake</a>
<nav aria-label="Pages"><a href="/">Overview</a>${hasBoard && html`<a href="/queues">Queue</a>`}</nav>
<div class="end">${viewer !== undefined && html`<span class="viewer"><span class="hidden">Logged in as </span>${viewer}</span>`}${
    live &&
    html`<button type="button" id="pause" aria-pressed="false" hidden>Pause<span class="hidden"> updates</span></button>`
  }</div>
</header>
<p class="away-note">The dashboard does not answer: this is how it was.</p>
<p id="said" class="hidden" role="status">${said}</p>
<main id="main" tabindex="-1">
${content}
</main>
<footer>${now !== undefined && html`Read from object storage at ${timeText(now)}. `}mongolake ${VERSION}</footer>
</body>
</html>
`;
  return body.markup;
}

/** The page of a table. */
export function tablePath(name: string): string {
  return `/tables/${encodeURIComponent(name)}`;
}

const SIGNS: Readonly<Record<Health, string>> = {
  fresh: '●',
  running: '◐',
  idle: '○',
  missing: '○',
  pending: '…',
  stale: '▲',
  unfinished: '▲',
  failed: '✕',
};

/** How a table is doing, in a sign, a word and a colour. */
export function healthBadge(health: Health): Markup {
  return html`<span class="badge ${health}"><span aria-hidden="true">${SIGNS[health]}</span> ${HEALTH_TEXT[health]}</span>`;
}

/** A figure with what it is of, below one another; `note` is smaller. */
export function tile(name: string, value: Content, note?: Content): Markup {
  return html`<div class="tile"><dt>${name}</dt><dd>${value}${note !== undefined && html`<small>${note}</small>`}</dd></div>`;
}

/** `4 min ago`; `never` without a time. */
export function ago(at: number | undefined, now: number): string {
  return at === undefined ? 'never' : `${duration(now - at)} ago`;
}

/** What went wrong, and what to do next. */
export function troubleBox(what: string, { code, message, hint }: Trouble): Markup {
  return html`<div class="note failed"><strong>${what}</strong> <code>${code}</code><p>${message}</p>${hint !== undefined && html`<p>${hint}</p>`}</div>`;
}
