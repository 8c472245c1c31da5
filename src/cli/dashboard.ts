import type { GlobalOptions } from './app.ts';

export interface DashboardOptions {
  readonly listen?: string;
}

/** `dashboard`: serves Bull Board until it is told to stop. */
export async function dashboardCommand(_options: DashboardOptions, _globals: GlobalOptions): Promise<number> {
  return 0;
}
