import { openDashboard } from '../composition.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { listenOf, parseListen } from './listen.ts';
import { overviewPages } from './overview/pages.ts';
import { aborted } from './worker.ts';

export interface DashboardOptions {
  readonly listen?: string;
}

/** `dashboard`: serves the overview, and Bull Board where the queue is in Redis, until it is told to stop. */
export async function dashboardCommand(options: DashboardOptions, globals: GlobalOptions): Promise<number> {
  // Refused before anything is opened.
  parseListen(options.listen);
  const app = await openApp(globals, { keepLogin: true });
  const { config, clock, logger, signal } = app;
  const place = listenOf(options.listen, config.dashboard.listen, `${globals.config}: dashboard.listen`);
  const pages = overviewPages(app);
  try {
    const dashboard = await openDashboard(app.current, pages, place, clock, logger, process.env);
    logger.info(`dashboard at ${dashboard.url}`, { readOnly: config.dashboard.readOnly });
    await aborted(signal);
    await dashboard.close();
  } finally {
    await pages.close();
  }
  logger.info('dashboard stopped');
  return 0;
}
