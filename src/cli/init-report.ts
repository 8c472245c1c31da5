import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { createIndex } from '../coordinator/check-verdicts.ts';
import type { CursorType } from '../shared/domain/cursor.ts';
import { DEFAULT_CONFIG_FILE } from './defaults.ts';
import type { Discovery } from './init-discover.ts';
import { number } from './output.ts';
import { alignRows, counted, printable } from './text.ts';

/** The cursor field of one collection in the written file. */
export interface Choice {
  readonly cursorField: string;
  readonly cursorType: CursorType;
  readonly indexed: boolean;
}

export interface InitReport {
  readonly file: string;
  readonly found: Discovery;
  /** By the collection's name; one without a field that tells a time has none, and is left out of the file. */
  readonly chosen: ReadonlyMap<string, Choice>;
}

/** What was found and written, as `--json` prints it. */
export function initJson({ file, found, chosen }: InitReport): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table: null,
    file,
    database: found.database,
    collections: found.collections.map(({ name, documents, cursorFields }) => ({
      name,
      documents: documents ?? null,
      cursorField: chosen.get(name)?.cursorField ?? null,
      cursorType: chosen.get(name)?.cursorType ?? null,
      indexed: found.kind === 'dump' ? null : (chosen.get(name)?.indexed ?? null),
      cursorFields: cursorFields.map(({ path, type }) => ({ path, type })),
    })),
    notes: found.notes,
  };
}

/** `table` is where the tables go; `uriSet` whether $MONGODB_URI already holds what the file takes from it. */
export interface InitText extends InitReport {
  readonly table: string;
  readonly uriSet: boolean;
}

/** What was found, what was written, and what to type next, for people. */
export function describeInit(report: InitText): readonly string[] {
  const { found, file, table } = report;
  const [header = '', ...lines] = alignRows(foundRows(report), ['left', 'right']);
  return [
    `${pc.bold(printable(found.database))}  ${counted(found.collections.length, 'collection')}`,
    pc.dim(header),
    ...lines,
    ...notesOf(report).map((note) => `${pc.yellow('note')}  ${note}`),
    '',
    `${pc.green('written')}  ${file}, with tables in ${table}`,
    '',
    pc.bold('next'),
    ...nextSteps(report).map((step) => `  ${step}`),
  ];
}

function foundRows({ found, chosen }: InitReport): readonly (readonly string[])[] {
  const live = found.kind === 'live';
  const rows = found.collections.map(({ name, documents, cursorFields }) => {
    const choice = chosen.get(name);
    const others = cursorFields.filter(({ path }) => path !== choice?.cursorField).map(({ path }) => path);
    const index = choice === undefined ? '' : choice.indexed ? 'yes' : pc.yellow('no');
    return [
      printable(name),
      documents === undefined ? '?' : number(documents),
      choice === undefined ? pc.yellow('none found') : cursorWords(choice),
      ...(live ? [index] : []),
      printable(others.join(', ')),
    ];
  });
  return [['collection', 'documents', 'cursor field', ...(live ? ['index'] : []), 'others'], ...rows];
}

/** A date needs no word: it is what is meant where no type is written. */
function cursorWords({ cursorField, cursorType }: Choice): string {
  return `${printable(cursorField)}${cursorType === 'date' ? '' : ` (${cursorType})`}`;
}

/** Names that a field has which every write sets, rather than the first one only. */
const SET_BY_WRITES = /updat|modif|chang|touch|edit/i;

function notesOf({ found, chosen }: InitReport): readonly string[] {
  const doubtful = [...new Set([...chosen.values()].map(({ cursorField }) => cursorField))].filter(
    (field) => !SET_BY_WRITES.test(field),
  );
  return [
    ...found.notes,
    ...doubtful.map(
      (field) => `does every write set ${printable(field)}? Changes that leave it as it was are not found by a sync`,
    ),
  ];
}

function nextSteps({ file, found, chosen, uriSet }: InitText): readonly string[] {
  const command = file === DEFAULT_CONFIG_FILE ? 'mongolake' : `mongolake -c ${file}`;
  const bare = found.collections.flatMap(({ name }) => {
    const choice = chosen.get(name);
    return choice === undefined || choice.indexed
      ? []
      : [`${createIndex(name, choice.cursorField)}   ${pc.dim('# in mongosh')}`];
  });
  return [
    ...(uriSet ? [] : [`export MONGODB_URI='…'   ${pc.dim('# the connection string is not in the file')}`]),
    ...(found.kind === 'live' ? bare : []),
    `${command} check`,
    `${command} sync`,
  ];
}
