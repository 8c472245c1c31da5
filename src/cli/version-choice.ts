import { parseTime } from '../app/requests.ts';
import type { VersionChoice } from '../coordinator/versions.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/** How a command is told of which version it is to be. */
export interface VersionOptions {
  readonly version?: number;
  readonly timestamp?: string;
}

/** The version that is asked for; the newest where none is. Throws `USAGE`. */
export function versionChoice({ version, timestamp }: VersionOptions): VersionChoice {
  const time = parseTime('--timestamp', timestamp);
  if (version !== undefined && time !== null) {
    throw new MongolakeError('USAGE', '--version and --timestamp each name a version', { hint: 'Give one of them.' });
  }
  if (version !== undefined) return { kind: 'version', version };
  return time === null ? { kind: 'newest' } : { kind: 'at', time };
}
