import { type Started, unavailable } from './result.ts';

/** A Vault that suites start for themselves (`startVault`). */
export interface VaultProgram {
  readonly available: true;
}

export async function prepareVault(): Promise<Started<VaultProgram>> {
  return unavailable('not there yet');
}
