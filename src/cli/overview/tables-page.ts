import { bytesText } from '../../shared/domain/bytes-text.ts';
import { number } from '../output.ts';
import { counted, duration, timeText } from '../text.ts';
import { countsText } from './chart.ts';
import { type Content, html, type Markup } from './html.ts';
import { ago, type Frame, healthBadge, page, tablePath, tile, troubleBox } from './page.ts';
import { doing, linkedRun } from './run-section.ts';
import { differs, type Health, healthOf, needsAttention } from './state.ts';
import { type OverviewView, type QueueView, type TableEntry, type TableView, viewOf } from './view.ts';

/** The page of all tables. */
export function tablesPage(view: OverviewView, viewer: string | undefined): string {
  const frame: Frame = {
    title: 'Overview',
    now: view.now,
    viewer,
    hasBoard: view.queue.kind !== 'local',
    live: true,
    said: saidOf(view),
  };
  return page(
    frame,
    html`<h1>Overview</h1>
${tiles(view)}
${view.queue.kind === 'trouble' && troubleBox('The queue can’t be reached.', view.queue.trouble)}
${view.unresolved.map(({ pipeline, trouble }) => troubleBox(`The collections of pipeline ${pipeline} can’t be listed.`, trouble))}
${runs(view)}
<section aria-labelledby="tables"><h2 id="tables">Tables</h2>${tables(view)}</section>`,
  );
}

/** What changes seldom enough to be read aloud. */
function saidOf({ tables }: OverviewView): string {
  const running = tables.flatMap((entry) => {
    const run = viewOf(entry)?.run;
    return run === undefined ? [] : [`${entry.name}: ${doing(run)}.`];
  });
  return running.length === 0 ? 'No run in progress.' : running.join(' ');
}

function tiles({ tables, queue, now }: OverviewView): Markup {
  const views = tables.flatMap((entry) => viewOf(entry) ?? []);
  const sum = (of: (view: TableView) => number | undefined) => views.reduce((all, view) => all + (of(view) ?? 0), 0);
  const running = views.filter(({ run }) => run?.state === 'running').length;
  const attention = tables.filter((entry) => needsAttention(entry, now)).length;
  return html`<dl class="tiles">
${tile('Tables', number(tables.length))}
${tile('Rows', number(sum(({ status }) => status.table?.rows)))}
${tile('Size', bytesText(sum(({ status }) => status.table?.bytes)))}
${tile('Runs in progress', number(running))}
${tile('Need attention', attention === 0 ? '0' : html`<span class="alert">${number(attention)}</span>`)}
${tile('Jobs waiting', ...queueTile(queue))}
</dl>`;
}

function queueTile(queue: QueueView): readonly [Content, Content?] {
  switch (queue.kind) {
    case 'local':
      return ['–', 'the queue is local'];
    case 'pending':
      return ['…'];
    case 'trouble':
      return [html`<span class="alert">Away</span>`];
    case 'depth': {
      const { waiting, prioritized, active, failed } = queue.depth;
      const note = html`<a href="/queues">${number(active)} active, ${number(failed)} failed</a>`;
      return [number(waiting + prioritized), note];
    }
  }
}

function runs({ tables, now }: OverviewView): Content {
  const cards = tables.flatMap((entry) => {
    const view = viewOf(entry);
    return view?.run === undefined ? [] : [linkedRun(entry.name, view, now)];
  });
  return html`<section aria-labelledby="runs"><h2 id="runs">In progress</h2>${cards.length === 0 ? html`<p class="quiet">No run in progress.</p>` : cards}</section>`;
}

const COLUMNS = [
  ['Table', ''],
  ['State', ''],
  ['Checked', ''],
  ['Lag', 'wide'],
  ['Version', 'wide num'],
  ['Rows', 'mid num'],
  ['Size', 'wide num'],
  ['Last change', 'wide'],
  ['Verified', 'wide'],
  ['Quarantined', 'wide num'],
] as const;

function tables({ tables: entries, now }: OverviewView): Markup {
  if (entries.length === 0) return html`<p class="quiet">The configuration names no table.</p>`;
  const pipelines = [...new Set(entries.map(({ pipeline }) => pipeline))];
  return html`<table class="tables">
<thead><tr>${COLUMNS.map(([name, kind]) => html`<th scope="col" class="${kind}">${name}</th>`)}</tr></thead>
${pipelines.map((pipeline) => {
  const own = entries.filter((entry) => entry.pipeline === pipeline);
  return html`<tbody><tr class="group"><th scope="rowgroup" colspan="${COLUMNS.length}">${pipeline} <span>${pipelineText(own, now)}</span></th></tr>${own.map((entry) => row(entry, now))}</tbody>`;
})}
</table>`;
}

/** How fresh a pipeline is: as its stalest table. */
function pipelineText(entries: readonly TableEntry[], now: number): string {
  const views = entries.flatMap((entry) => viewOf(entry) ?? []);
  const times = views.flatMap(({ status: { lastCheck } }) => lastCheck?.at ?? []);
  const oldest = times.length === 0 ? '' : `, all checked within ${duration(now - Math.min(...times))}`;
  const unchecked = entries.length - times.length;
  const rest =
    unchecked === 0 ? oldest : times.length === 0 ? ', none checked yet' : `, ${number(unchecked)} not checked yet`;
  return `${counted(entries.length, 'table')}${rest}`;
}

function row(entry: TableEntry, now: number): Markup {
  const { name, pipeline, reading } = entry;
  const health = healthOf(entry, now);
  const short = name.startsWith(`${pipeline}.`) ? name.slice(pipeline.length + 1) : name;
  const head = html`<th scope="row"><a href="${tablePath(name)}" aria-label="${name}">${short}</a></th><td>${healthBadge(health)}${findings(entry)}</td>`;
  if (reading.kind === 'read') return html`<tr>${head}${cells(reading.value, health, now)}</tr>`;
  const text =
    reading.kind === 'pending'
      ? 'The store has not answered yet.'
      : `${reading.trouble.code}: ${reading.trouble.message}`;
  return html`<tr>${head}<td class="told" colspan="${COLUMNS.length - 2}">${text}</td></tr>`;
}

/** What is found of a table, where there is no room for columns of it. */
function findings(entry: TableEntry): Content {
  const status = viewOf(entry)?.status;
  if (status === undefined) return undefined;
  const { quarantined, verification, notes } = status;
  const found = [
    ...(quarantined > 0 ? [`${number(quarantined)} quarantined`] : []),
    ...(verification !== undefined && differs(verification) ? ['differs from its source'] : []),
    ...(notes.length > 0 ? ['damaged'] : []),
  ];
  return found.length > 0 && html`<small class="small alert">${found.join(', ')}</small>`;
}

function cells({ status, mode, last }: TableView, health: Health, now: number): Markup {
  const { table, lastCheck, quarantined } = status;
  const changed =
    last === undefined
      ? '–'
      : html`${last.counts === undefined ? (last.operation ?? 'unknown') : countsText(last.counts) || 'nothing'}<small>${ago(last.time, now)}</small>`;
  return html`<td class="${health === 'stale' && 'alert'}">${ago(lastCheck?.at, now)}</td>
<td class="wide">${lagText(table?.watermark, mode, now)}</td>
<td class="wide num">${table === undefined ? '–' : number(table.version)}</td>
<td class="mid num">${table === undefined ? '–' : number(table.rows)}</td>
<td class="wide num">${table === undefined ? '–' : bytesText(table.bytes)}</td>
<td class="wide">${changed}</td>
<td class="wide">${verifiedText(status, now)}</td>
<td class="wide num">${quarantined === 0 ? '0' : html`<span class="alert">${number(quarantined)}</span>`}</td>`;
}

/** How far a table is behind its source: the age of its watermark. */
export function lagText(watermark: number | null | undefined, mode: TableView['mode'], now: number): Content {
  if (mode === 'full') return 'read whole';
  if (watermark === null || watermark === undefined) return '–';
  return html`<span title="All changes up to ${timeText(watermark)}">${duration(now - watermark)}</span>`;
}

function verifiedText({ verification }: TableView['status'], now: number): Content {
  if (verification === undefined) return 'never';
  const mark = differs(verification)
    ? html`<span class="alert">▲ differs</span>`
    : html`<span class="ok">✓ equal</span>`;
  return html`${mark}<small>${ago(verification.checkedAt, now)}</small>`;
}
