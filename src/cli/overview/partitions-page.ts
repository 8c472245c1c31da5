import { bytesText } from '../../shared/domain/bytes-text.ts';
import { number } from '../output.ts';
import { counted } from '../text.ts';
import { legend, mergedText, sizeMap } from './heat-map.ts';
import { html, type Markup } from './html.ts';
import { type Looker, page, tablePath } from './page.ts';
import { skewOf } from './state.ts';
import { type PartitionSize, type TableDetail, viewOf } from './view.ts';

/** The partitions of a table in rows: what the maps show, to be read. */
export function partitionsPage(detail: TableDetail, looker: Looker): string {
  const { name, now } = detail;
  const view = viewOf(detail);
  const { mean } = skewOf(view?.partitions ?? []);
  const cells = view?.run?.status.staged.plan?.rewrite === null ? view.run.cells : [];
  const rows = (view?.partitions ?? []).map(({ rows, bytes, files }, partition) => {
    const cell = cells[partition];
    return html`<tr><th scope="row" class="num">${number(partition)}</th><td class="num">${number(rows)}</td><td class="num">${bytesText(bytes)}</td><td class="num">${mean === 0 ? '–' : (bytes / mean).toFixed(2)}</td><td class="num">${number(files)}</td><td>${cell === undefined ? '–' : mergedText(cell)}</td></tr>`;
  });
  return page(
    { title: `Partitions of ${name}`, now, live: false, said: '', ...looker },
    html`<nav aria-label="Breadcrumb" class="crumbs"><a href="/">Overview</a> <span aria-hidden="true">/</span> <a href="${tablePath(name)}">${name}</a></nav>
<h1>Partitions</h1>
<p>${skewSentence(view?.partitions ?? [])}</p>
<table class="narrow"><thead><tr><th scope="col" class="num">Partition</th><th scope="col" class="num">Rows</th><th scope="col" class="num">Size</th><th scope="col" class="num">Of the mean</th><th scope="col" class="num">Files</th><th scope="col">Run in progress</th></tr></thead>
<tbody>${rows}</tbody></table>`,
  );
}

/** How large each partition is, and how evenly they are filled. */
export function sizesFigure(partitions: readonly PartitionSize[]): Markup {
  const sentence = skewSentence(partitions);
  return html`<figure><figcaption>${sentence}</figcaption>${sizeMap(partitions, `Sizes of partitions. ${sentence}`)}${legend(
    [['u', 'empty']],
    'size, as a share of the largest',
  )}
${sizeCurve(partitions)}</figure>`;
}

/** `The largest of 64 partitions, 17, holds 1.2 MB: 1.08 times the mean. None is empty.` */
export function skewSentence(partitions: readonly PartitionSize[]): string {
  const { largest, ratio, empty, mean } = skewOf(partitions);
  if (largest === undefined || mean === 0) return 'All partitions are empty.';
  const { partition, size } = largest;
  const rest = empty === 0 ? 'None is empty.' : `${counted(empty, 'partition is', 'partitions are')} empty.`;
  return `The largest of ${counted(partitions.length, 'partition')}, number ${number(partition)}, holds ${bytesText(size.bytes)}: ${ratio.toFixed(2)} times the mean of ${bytesText(Math.round(mean))}. ${rest}`;
}

const WIDTH = 960;
const HEIGHT = 72;

/** Sizes from the largest to the smallest, with a line at the mean: flat where they are even. */
function sizeCurve(partitions: readonly PartitionSize[]): Markup {
  const sizes = partitions.map(({ bytes }) => bytes).sort((a, b) => b - a);
  const greatest = sizes[0] ?? 0;
  if (greatest === 0) return html``;
  const { mean } = skewOf(partitions);
  const y = (bytes: number) => Math.round((1 - bytes / greatest) * HEIGHT * 10) / 10;
  const step = WIDTH / sizes.length;
  const line = sizes.map((bytes, index) => `V${y(bytes)}H${Math.round((index + 1) * step * 10) / 10}`).join('');
  return html`<p class="meta">From the largest to the smallest; the dashed line is the mean.</p><svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><path class="area" d="M0 ${HEIGHT}${line}V${HEIGHT}z"/><line class="mean" x1="0" x2="${WIDTH}" y1="${y(mean)}" y2="${y(mean)}"/></svg>`;
}
