import type { ChartedVersion } from '../../coordinator/charted.ts';
import { bytesText } from '../../shared/domain/bytes-text.ts';
import { number, seconds } from '../output.ts';
import { timeText } from '../text.ts';
import { countsText, isReading, schemaText, tookOf } from './chart.ts';
import { type Content, html, type Markup } from './html.ts';
import { type Looker, page, tablePath } from './page.ts';
import type { TableDetail, TableHistory } from './view.ts';

/** The newest versions of a table in rows: what the chart shows, to be read. */
export function versionsPage(detail: TableDetail, looker: Looker): string {
  const { name, now, versions } = detail;
  return page(
    { title: `Versions of ${name}`, now, live: false, said: '', ...looker },
    html`<nav aria-label="Breadcrumb" class="crumbs"><a href="/">Overview</a> <span aria-hidden="true">/</span> <a href="${tablePath(name)}">${name}</a></nav>
<h1>Versions</h1>
${versionRows(detail, versions.length)}`,
  );
}

/** A table of the newest `count` versions. */
export function versionRows({ versions, schemas }: TableHistory, count: number): Markup {
  return html`<table class="versions"><thead><tr><th scope="col" class="num">Version</th><th scope="col">Committed</th><th scope="col" class="mid">Operation</th><th scope="col">Rows</th><th scope="col" class="wide num">Files</th><th scope="col" class="wide num">Written</th><th scope="col" class="num">Took</th><th scope="col" class="wide">Schema</th></tr></thead>
<tbody>${versions.slice(0, count).map((version) => {
    const schema = schemas.get(version.version);
    const tookMs = tookOf(version);
    return html`<tr><th scope="row" class="num">${number(version.version)}</th><td>${moment(version.time)}</td><td class="mid">${operation(version)}</td>
<td>${version.counts === undefined ? '–' : countsText(version.counts) || 'none'}</td><td class="wide num">+${number(version.filesAdded)} −${number(version.filesRemoved)}</td><td class="wide num">${bytesText(version.bytesAdded)}</td>
<td class="num">${tookMs === undefined ? '–' : seconds(tookMs)}</td><td class="wide told">${schema === undefined ? '' : html`<b class="schema" aria-hidden="true">◆</b> ${schemaText(schema)}`}</td></tr>`;
  })}</tbody></table>`;
}

/** A time that breaks between day and hour only. */
function moment(time: number): Content {
  return timeText(time)
    .split(' ')
    .map((part) => html`<span class="whole">${part}</span> `);
}

function operation(version: ChartedVersion): Content {
  const name = version.operation ?? 'unknown';
  return isReading(version) ? name : html`<b class="other" aria-hidden="true">▲</b> ${name}`;
}
