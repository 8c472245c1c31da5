import { type Started, unavailable } from './result.ts';

/** The parsers of Docker for compose files and Dockerfiles. */
export interface ComposeCheck {
  readonly available: true;
}

export async function prepareCompose(): Promise<Started<ComposeCheck>> {
  return unavailable('not there yet');
}
