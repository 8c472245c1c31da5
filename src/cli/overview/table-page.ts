import type { Verification } from '../../coordinator/verification.ts';
import { bytesText } from '../../shared/domain/bytes-text.ts';
import { differing } from '../../shared/domain/comparison.ts';
import { number } from '../output.ts';
import { counted, timeText } from '../text.ts';
import { historyChart, historySentence, isReading } from './chart.ts';
import { type Content, html, type Markup } from './html.ts';
import { ago, healthBadge, type Looker, page, tablePath, tile, troubleBox } from './page.ts';
import { sizesFigure } from './partitions-page.ts';
import { doing, runCard } from './run-section.ts';
import { differs, healthOf } from './state.ts';
import { lagText } from './tables-page.ts';
import { versionRows } from './versions-page.ts';
import { type Reading, type TableDetail, type TableHistory, type TableView, viewOf } from './view.ts';

/** The page of one table. */
export function tablePage(detail: TableDetail, looker: Looker): string {
  const { name, now } = detail;
  const health = healthOf(detail, now);
  const view = viewOf(detail);
  const said = view?.run === undefined ? 'No run in progress.' : `${name}: ${doing(view.run)}.`;
  return page(
    { title: name, now, live: true, said, ...looker },
    html`<nav aria-label="Breadcrumb" class="crumbs"><a href="/">Overview</a> <span aria-hidden="true">/</span> ${detail.pipeline}</nav>
<h1>${name} ${healthBadge(health)}</h1>
${view === undefined ? missing('The table', detail.reading) : sections(detail, view)}`,
  );
}

function missing(what: string, reading: Reading<unknown>): Content {
  if (reading.kind === 'trouble') return troubleBox(`${what} can’t be read.`, reading.trouble);
  return html`<p class="note">${what}: the store has not answered yet.</p>`;
}

function sections(detail: TableDetail, view: TableView): Content {
  const { now } = detail;
  const { status } = view;
  const run =
    view.run &&
    html`<section aria-labelledby="run"><h2 id="run">${view.run.state === 'running' ? 'Run in progress' : 'A run that did not end'}</h2>${runCard(view, undefined, now)}</section>`;
  return html`<p class="meta"><code>${status.uri}</code></p>
${status.notes.map((note) => html`<p class="note late">${note}</p>`)}
${facts(detail, view)}
${run}
${status.table === undefined ? html`<p class="quiet">There is no table yet: the first run makes it.</p>` : tableSections(detail, view)}`;
}

function facts({ now }: TableDetail, { status, mode, partitions }: TableView): Markup {
  const { table, lastCheck } = status;
  if (table === undefined) return html`<dl class="tiles">${tile('Checked', ago(lastCheck?.at, now))}</dl>`;
  const watermark = table.watermark === null ? undefined : `to ${timeText(table.watermark)}`;
  return html`<dl class="tiles">
${tile('Checked', ago(lastCheck?.at, now), timeText(lastCheck?.at))}
${tile('Lag', lagText(table.watermark, mode, now), watermark)}
${tile('Rows', number(table.rows))}
${tile('Size', bytesText(table.bytes), counted(table.files, 'file'))}
${tile('Version', number(table.version))}
${tile('Partitions', number(partitions.length), `engine ${table.engine}`)}
</dl>`;
}

const VERSIONS_LISTED = 10;

function tableSections(detail: TableDetail, view: TableView): Markup {
  const { name, versions, now } = detail;
  const rows = view.status.table?.rows ?? 0;
  return html`${detail.missing && missing('The history', detail.missing)}
<section aria-labelledby="history"><h2 id="history">History</h2>
<figure><figcaption>${historySentence(detail, rows)}</figcaption>
<div class="scroll" role="region" aria-label="Chart of versions" tabindex="0">${historyChart(detail, rows)}</div>
${marks(detail)}</figure>
${versionRows(detail, VERSIONS_LISTED)}
<p><a href="${tablePath(name)}/versions">The newest ${counted(versions.length, 'version')} as a table</a></p></section>
<section aria-labelledby="partitions"><h2 id="partitions">Partitions</h2>${sizesFigure(view.partitions)}
<p><a href="${tablePath(name)}/partitions">${counted(view.partitions.length, 'partition')} as a table</a></p></section>
<div class="pair"><section aria-labelledby="verification"><h2 id="verification">Verification</h2>${verification(view.status.verification, now)}</section>
<section aria-labelledby="quarantine"><h2 id="quarantine">Quarantine</h2>${quarantine(detail, view)}</section></div>`;
}

/** What the chart's marks mean, of those that are on it. */
function marks({ versions, schemas }: TableHistory): Content {
  const schema = schemas.size > 0 && html`<li><b class="schema" aria-hidden="true">◆</b>schema changed</li>`;
  const other =
    !versions.every(isReading) &&
    html`<li><b class="other" aria-hidden="true">▲</b>restored, replaced, partitioned anew, fenced off, or another writer’s</li>`;
  return (schema || other) && html`<ul class="legend">${schema}${other}</ul>`;
}

function verification(found: Verification | undefined, now: number): Markup {
  if (found === undefined)
    return html`<p class="quiet">Never verified: <code>mongolake verify</code> compares the table with its source.</p>`;
  const { version, checkedAt, isDeep, differences, unconfirmed, repairedIn } = found;
  const total = differing(differences) + unconfirmed;
  const verdict = total === 0 ? 'equals its source' : `differs from its source in ${counted(total, 'id')}`;
  const repaired = repairedIn === null ? '' : `, repaired in version ${number(repairedIn)}`;
  return html`<p class="${differs(found) ? 'note late' : 'note fine'}"><span aria-hidden="true">${differs(found) ? '▲' : '✓'}</span> Version ${number(version)} ${verdict}${repaired}.</p>
<dl class="list"><dt>Verified</dt><dd>${ago(checkedAt, now)}, ${isDeep ? 'in every column' : 'by ids and cursors'}</dd>
<dt>Missing</dt><dd>${number(differences.missing)}</dd><dt>Stale</dt><dd>${number(differences.stale)}</dd><dt>Gone</dt><dd>${number(differences.gone)}</dd>
<dt>Unconfirmed</dt><dd>${number(unconfirmed)}</dd></dl>`;
}

const REASONS_SHOWN = 10;

function quarantine({ reasons }: TableDetail, { status: { quarantined } }: TableView): Markup {
  if (quarantined === 0)
    return html`<p class="note fine"><span aria-hidden="true">✓</span> Every document is stored.</p>`;
  const more = reasons.length - REASONS_SHOWN;
  return html`<p class="note late"><span aria-hidden="true">▲</span> ${counted(quarantined, 'document')} can’t be stored: <code>mongolake quarantine list</code> shows them.</p>
<table><thead><tr><th scope="col">Reason</th><th scope="col" class="num">Documents</th></tr></thead>
<tbody>${reasons.slice(0, REASONS_SHOWN).map(({ reason, documents }) => html`<tr><td class="told">${reason}</td><td class="num">${number(documents)}</td></tr>`)}</tbody></table>
${more > 0 && html`<p class="quiet">and ${counted(more, 'other reason')}</p>`}`;
}
