import { MongolakeError } from '../domain/errors.ts';

interface Remedy {
  readonly code: 'STORE_REFUSED' | 'STORE_UNREACHABLE' | 'STORE_UNCONDITIONAL';
  readonly hint: string;
}

const RIGHTS: Remedy = { code: 'STORE_REFUSED', hint: 'Give this user the right to read and write the folder.' };
const IN_THE_WAY: Remedy = {
  code: 'STORE_REFUSED',
  hint: 'A file and a folder of one name are in each other’s way; use an empty folder for the table.',
};
const NO_LINKS: Remedy = {
  code: 'STORE_UNCONDITIONAL',
  hint: 'The file system has no hard links, which conditional writes need here; use another one, or S3.',
};

/** What a system error means to an operator, by its code; any other is `STORE_UNREACHABLE`. */
const REMEDIES: Readonly<Record<string, Remedy>> = {
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  EROFS: { code: 'STORE_REFUSED', hint: 'The file system is mounted read-only.' },
  ENAMETOOLONG: { code: 'STORE_REFUSED', hint: 'Use a shorter path for the table.' },
  EISDIR: IN_THE_WAY,
  ENOTDIR: IN_THE_WAY,
  EEXIST: IN_THE_WAY,
  ENOTEMPTY: IN_THE_WAY,
  ENOSPC: { code: 'STORE_UNREACHABLE', hint: 'The disk is full: free space, then run again.' },
  EDQUOT: { code: 'STORE_UNREACHABLE', hint: 'The disk quota is used up: raise it or free space, then run again.' },
  EMFILE: { code: 'STORE_UNREACHABLE', hint: 'Too many open files: raise the limit (ulimit -n).' },
};

const OTHER: Remedy = { code: 'STORE_UNREACHABLE', hint: 'Check the disk or the network mount, then run again.' };

/** The system's code of a failed file operation (`ENOENT`, …), where the error has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The error of a file operation as one of ours, naming the folder, the operation and the key. Ours pass unchanged. */
export function fileFailure(uri: string, operation: string, key: string, error: unknown): MongolakeError {
  if (error instanceof MongolakeError) return error;
  const code = systemCode(error);
  if (code === undefined) {
    return new MongolakeError('INTERNAL', `${uri}: ${operation} ${JSON.stringify(key)}: ${String(error)}`, {
      cause: error,
    });
  }
  const noLinks = operation === 'link' && ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code);
  const remedy = noLinks ? NO_LINKS : (REMEDIES[code] ?? OTHER);
  const message = error instanceof Error ? error.message : String(error);
  return new MongolakeError(remedy.code, `${uri}: ${operation} ${JSON.stringify(key)} failed: ${message}`, {
    cause: error,
    hint: remedy.hint,
  });
}

/** True for the errors that say that there is no object: nothing of that name, a file where a folder is asked for, or a folder. */
export function isAbsent(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
