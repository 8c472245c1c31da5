import { type Started, unavailable } from './result.ts';

/** A browser for playwright-core. */
export interface ChromiumService {
  readonly available: true;
  /** For `executablePath`. */
  readonly executable: string;
}

export async function prepareChromium(): Promise<Started<ChromiumService>> {
  return unavailable('not there yet');
}
