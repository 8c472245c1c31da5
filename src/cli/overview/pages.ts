import type { OpenedConfig } from '../../app/app.ts';
import type { PageAnswer, Pages } from '../../shared/adapters/dashboard-pages.ts';
import { html } from './html.ts';
import { type Looker, page, SCRIPT_PATH, STYLE_PATH } from './page.ts';
import { partitionsPage } from './partitions-page.ts';
import { type Overview, openOverview } from './read.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import { tablePage } from './table-page.ts';
import { tablesPage } from './tables-page.ts';
import { versionsPage } from './versions-page.ts';
import type { TableDetail } from './view.ts';

const HTML = 'text/html; charset=utf-8';

const TABLE_PAGES: Readonly<Record<string, (detail: TableDetail, looker: Looker) => string>> = {
  '': tablePage,
  partitions: partitionsPage,
  versions: versionsPage,
};

/** The overview's pages. Close them with what they read from. */
export function overviewPages(app: OpenedConfig): Pages & { close(): Promise<void> } {
  const overview = openOverview(app);
  const hasBoard = app.config.queue.kind !== 'local';
  return {
    answer: (path, viewer) => answer(overview, path, { viewer, hasBoard }),
    close: () => overview.close(),
  };
}

async function answer(overview: Overview, path: string, looker: Looker): Promise<PageAnswer | undefined> {
  if (path === STYLE_PATH) return { status: 200, type: 'text/css; charset=utf-8', body: STYLE };
  if (path === SCRIPT_PATH) return { status: 200, type: 'text/javascript; charset=utf-8', body: SCRIPT };
  if (path === '/') {
    return { status: 200, type: HTML, body: tablesPage(await overview.all(), looker.viewer) };
  }
  const [root, name, kind = '', ...rest] = segments(path);
  const render = Object.hasOwn(TABLE_PAGES, kind) ? TABLE_PAGES[kind] : undefined;
  if (root !== 'tables' || name === undefined || render === undefined || rest.length > 0) return undefined;
  const detail = await overview.table(name);
  if (detail === undefined) return { status: 404, type: HTML, body: unknownTable(name, looker) };
  return { status: 200, type: HTML, body: render(detail, looker) };
}

/** The decoded parts of a path; none of one that can't be decoded. */
function segments(path: string): readonly string[] {
  try {
    return path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    return [];
  }
}

function unknownTable(name: string, looker: Looker): string {
  return page(
    { title: 'No such table', live: false, now: undefined, said: '', ...looker },
    html`<h1>No such table</h1><p>The configuration names no table <code>${name}</code>. <a href="/">All tables</a></p>`,
  );
}
