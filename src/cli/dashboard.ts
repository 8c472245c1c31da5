import { openDashboard } from '../composition.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { listenOf, parseListen } from './listen.ts';
import { aborted } from './worker.ts';

export interface DashboardOptions {
  readonly listen?: string;
}

/** `dashboard`: serves Bull Board until it is told to stop. */
export async function dashboardCommand(options: DashboardOptions, globals: GlobalOptions): Promise<number> {
  // Refused before anything is opened.
  parseListen(options.listen);
  const { config, clock, logger, signal } = await openApp(globals, { keepLogin: true });
  if (config.queue.kind === 'local') {
    throw new MongolakeError(
      'CONFIG_INVALID',
      `${globals.config}: queue.kind is local: there is nothing that a dashboard could show`,
      { hint: 'Set queue to { kind: redis, url: … }; with the local queue `mongolake sync` shows its own progress.' },
    );
  }
  const place = listenOf(options.listen, config.dashboard.listen, `${globals.config}: dashboard.listen`);
  const dashboard = await openDashboard(config, config.queue, place, clock, logger, process.env);
  logger.info(`dashboard at ${dashboard.url}`, { readOnly: config.dashboard.readOnly });
  await aborted(signal);
  await dashboard.close();
  logger.info('dashboard stopped');
  return 0;
}
