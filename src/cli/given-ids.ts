import { readFile } from 'node:fs/promises';
import type { GivenId } from '../coordinator/erase-ids.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/** The ids that are named on the command line, or in a file. Throws `USAGE`, also where there is none. */
export async function givenIds({
  id = [],
  idsFile,
}: {
  readonly id?: readonly string[];
  readonly idsFile?: string;
}): Promise<readonly GivenId[]> {
  const ids = [
    ...id.map((text) => ({ text, where: '--id' })),
    ...(idsFile === undefined ? [] : await readIds(idsFile)),
  ];
  if (ids.length > 0) return ids;
  throw new MongolakeError('USAGE', 'erase: which ids is not said', {
    hint: 'Give --id ID, as often as you like, or --ids-file FILE with an id on each line; as `mongolake head` shows them.',
  });
}

/** An id a line; blank lines say nothing. Throws `USAGE`. */
async function readIds(file: string): Promise<readonly GivenId[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new MongolakeError('USAGE', `--ids-file ${file} can't be read: ${(error as Error).message}`, {
      hint: 'Give a text file with an id on each line.',
      cause: error,
    });
  }
  return idLines(text, file);
}

/** The ids of a file's text, each with its line for messages. */
export function idLines(text: string, file: string): readonly GivenId[] {
  return text
    .split('\n')
    .map((line, i) => ({ text: line.trim(), where: `${file}:${i + 1}` }))
    .filter((line) => line.text !== '');
}
