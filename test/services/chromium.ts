import { findOnPath } from './command.ts';
import { canInstallPackages, installPackage } from './debian.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';

/** A browser for playwright-core. */
export interface ChromiumService {
  readonly available: true;
  /** For `executablePath`. */
  readonly executable: string;
}

/** Chromium: that of MONGOLAKE_TEST_CHROMIUM, else one on the PATH, else Debian's package. */
export async function prepareChromium(): Promise<Started<ChromiumService>> {
  return orUnavailable('Chromium', async () => {
    const executable =
      process.env.MONGOLAKE_TEST_CHROMIUM ||
      ['chromium', 'google-chrome'].map(findOnPath).find((path) => path !== undefined) ||
      (canInstallPackages() ? await installPackage('chromium', 'chromium') : undefined);
    if (executable) return { available: true, executable };
    return unavailable('no chromium on the PATH; install one or set MONGOLAKE_TEST_CHROMIUM');
  });
}
