import { MongolakeError } from './errors.ts';

/** The error for a file or folder of scratch that can't be used; `path` names it. */
export function scratchError(path: string, cause: unknown): MongolakeError {
  return new MongolakeError('SCRATCH', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
    hint: 'Free space on the scratch disk, or choose another scratch folder.',
  });
}

/** What `run` gives; whatever it throws becomes `SCRATCH`. For calls that do nothing but use the file or folder at `path`. */
export async function scratched<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw scratchError(path, error);
  }
}
