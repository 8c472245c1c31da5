import type { StageFigures } from '../../coordinator/stage-figures.ts';
import { bytesText } from '../../shared/domain/bytes-text.ts';
import { STAGES, type Stage } from '../../shared/domain/stage.ts';
import { number } from '../output.ts';
import { counted, duration } from '../text.ts';
import { legend, mergeSentence, rangeMap, runHeatMap } from './heat-map.ts';
import { type Content, html, type Markup } from './html.ts';
import { ago, tablePath } from './page.ts';
import type { RunView, TableView } from './view.ts';

const STAGE_TEXT: Readonly<Record<Stage, string>> = {
  window: 'Plan',
  extract: 'Read',
  schema: 'Schema',
  merge: 'Merge',
  commit: 'Commit',
};

const DOING: Readonly<Record<Stage, string>> = {
  window: 'starting',
  extract: 'reading',
  schema: 'planning the merge',
  merge: 'merging',
  commit: 'committing',
};

/** A run, stage by stage and partition by partition. `title` is what it is a run of, as a heading. */
export function runCard({ run, status }: TableView, title: Content, now: number): Markup {
  if (run === undefined) return html``;
  const { what, startedAt, merge, extract, staged } = run.status;
  const owner = status.lease === undefined || run.state === 'unfinished' ? '' : ` by ${status.lease.owner}`;
  const since = startedAt === undefined ? '' : `, began ${ago(startedAt, now)}`;
  return html`<article class="run ${run.state}">
<div class="run-head">${title}<span class="badge ${run.state === 'running' ? 'running' : 'unfinished'}">${what ?? 'run'}</span></div>
<p class="meta">Run <code>${run.status.run}</code>${since}${owner}</p>
${silence(run, status.lease?.renewedAt, now)}
${stages(run.stage)}
${staged.plan !== undefined && html`<div class="bars">${run.ranges.length > 0 && bar('Ranges read', extract, 'range')}${bar('Partitions merged', merge, 'partition')}</div>`}
${maps(run)}
</article>`;
}

/** A run as a page of many tables shows it: its heading leads to the table. */
export function linkedRun(name: string, view: TableView, now: number): Markup {
  return runCard(view, html`<h3><a href="${tablePath(name)}">${name}</a></h3>`, now);
}

/** What the run does, in few words: `merging`. */
export function doing({ state, stage }: RunView): string {
  return state === 'running' ? DOING[stage] : 'did not end';
}

function silence({ state }: RunView, renewedAt: number | undefined, now: number): Content {
  if (state === 'running') return undefined;
  const text =
    state === 'silent'
      ? `Its lease was not renewed for ${duration(now - (renewedAt ?? now))}: it seems to have crashed, and the next run takes over.`
      : 'It did not end: the next run finishes it, or gives it up.';
  return html`<p class="note late">${text}</p>`;
}

function stages(current: Stage): Markup {
  const at = STAGES.indexOf(current);
  return html`<ol class="stages">${STAGES.map((stage, index) => {
    if (index < at) return html`<li class="done">${STAGE_TEXT[stage]}<span class="hidden"> done</span></li>`;
    return index === at
      ? html`<li aria-current="step">${STAGE_TEXT[stage]}</li>`
      : html`<li class="ahead">${STAGE_TEXT[stage]}</li>`;
  })}</ol>`;
}

function bar(name: string, figures: StageFigures, noun: string): Markup {
  const { done, total } = figures;
  const state = total === undefined ? 'not planned yet' : `${number(done)} of ${counted(total, noun)}`;
  return html`<div class="bar-row"><span class="bar-name">${name}</span><progress max="${total || 1}" value="${total === undefined ? 0 : total === 0 ? 1 : done}" aria-label="${name}"></progress><span class="bar-text"><b>${state}</b>${figuresText(figures)}</span></div>`;
}

function figuresText({
  documents,
  estimated,
  documentsPerSecond,
  bytesPerSecond,
  etaMs,
  done,
  total,
}: StageFigures): string {
  const goes = total !== undefined && done < total;
  return [
    ...(documents === undefined ? [] : [`${estimated ? 'about ' : ''}${counted(documents, 'document')}`]),
    ...(goes && documentsPerSecond !== undefined ? [`${number(documentsPerSecond)}/s`] : []),
    ...(goes && bytesPerSecond !== undefined ? [`${bytesText(bytesPerSecond)}/s`] : []),
    ...(etaMs === undefined ? [] : [`${duration(etaMs)} left`]),
  ]
    .map((text) => ` · ${text}`)
    .join('');
}

/** What is under way, job by job: the ranges while they are read, the partitions from then on. */
function maps(run: RunView): Content {
  if (run.cells.length > 0) {
    const label = mergeSentence(run);
    return html`<figure><figcaption>${label}</figcaption>${runHeatMap(run.cells, label)}${legend(
      [
        ['w', 'waiting'],
        ['u', 'nothing to merge'],
      ],
      'merged: few to many documents',
    )}</figure>`;
  }
  if (run.ranges.length < 2) return undefined;
  const read = run.ranges.filter((done) => done).length;
  const label = `${number(read)} of ${counted(run.ranges.length, 'range')} read`;
  return html`<figure><figcaption>${label}</figcaption>${rangeMap(run.ranges, label)}</figure>`;
}
