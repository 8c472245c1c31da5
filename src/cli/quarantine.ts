import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { readBytes, readQuarantine } from '../coordinator/quarantine.ts';
import { openState, tableMissing } from '../coordinator/table.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { documentJson, type ListedDocument } from '../shared/domain/quarantine.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { hexDump } from './hex-dump.ts';
import { exitCodeOf, printJson, printLine } from './output.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, cut, printable, tableTitle, timeText } from './text.ts';

/** Characters of a digest that are shown: enough to tell documents apart and to name one. */
const DIGEST_SHOWN = 12;
const ID_SHOWN = 36;

async function readList(_: TableTarget, storage: Storage): Promise<readonly ListedDocument[]> {
  const state = await openState(storage);
  if (state === undefined) throw tableMissing(storage);
  return readQuarantine(storage, state);
}

/** `quarantine list`: the documents of each table that can't be stored; returns the exit code. */
export async function quarantineListCommand(name: string | undefined, globals: GlobalOptions): Promise<number> {
  const app = await openApp(globals);
  const outcomes = await readTables(app, await app.targets(name), readList);
  printOutcomes(outcomes, globals.json ?? false, { json: listJson, lines: describeList });
  return exitCodeOf(failuresOf(outcomes));
}

/** The list of one table as `--json` prints it. */
export function listJson(table: string, documents: readonly ListedDocument[]): Record<string, unknown> {
  return { schemaVersion: JSON_SCHEMA_VERSION, table, documents: documents.map(documentFields) };
}

function documentFields({ digest, id, reason, place, bytes, object, run, at }: ListedDocument) {
  return { digest, id, reason, place, bytes, object, run, listedAt: isoOrNull(at) };
}

/** A line for each document, and how to go on. */
export function describeList(table: string, documents: readonly ListedDocument[]): readonly string[] {
  if (documents.length === 0) return [`${tableTitle(table)}  nothing is quarantined`];
  const rows = documents.map(({ digest, id, bytes, at, reason, place }) => [
    digest.slice(0, DIGEST_SHOWN),
    id === null ? '–' : cut(printable(id), ID_SHOWN),
    bytesText(bytes),
    timeText(at),
    `${printable(reason)} (${printable(place)})`,
  ]);
  const [header = '', ...lines] = alignRows(
    [['digest', '_id', 'size', 'listed', 'reason'], ...rows],
    ['left', 'left', 'right'],
  );
  return [
    `${tableTitle(table)}  ${counted(documents.length, 'document')} quarantined`,
    pc.dim(header),
    ...lines,
    pc.dim('`mongolake quarantine show DIGEST` prints one; `mongolake quarantine retry` tries them again'),
  ];
}

export interface ShowOptions {
  readonly raw?: boolean;
}

interface Found {
  readonly target: TableTarget;
  readonly document: ListedDocument;
}

/** `quarantine show`: one document whose digest begins with `prefix`; returns the exit code. Errors: `USAGE`, those of the storage. */
export async function quarantineShowCommand(
  prefix: string,
  name: string | undefined,
  options: ShowOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const { target, document } = await findOne(app, prefix.toLowerCase(), name);
  const bytes = await bytesOf(app, target, document);
  if (options.raw === true) {
    if (bytes === undefined) throw withheld(document);
    process.stdout.write(bytes);
  } else if (globals.json) printJson(showJson(target.name, document, bytes));
  else for (const line of describeDocument(target.name, document, bytes)) printLine(line);
  return 0;
}

async function findOne(app: App, prefix: string, name: string | undefined): Promise<Found> {
  const outcomes = await readTables(app, await app.targets(name), async (target, storage) =>
    (await readList(target, storage))
      .filter(({ digest }) => digest.startsWith(prefix))
      .map((document): Found => ({ target, document })),
  );
  const found = outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value : []));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const [failure] = failuresOf(outcomes);
  if (first === undefined && failure !== undefined) throw failure;
  const digests = found.map(({ target, document }) => `${document.digest.slice(0, DIGEST_SHOWN)}… (${target.name})`);
  throw new MongolakeError(
    'USAGE',
    first === undefined
      ? `no quarantined document has a digest that begins with ${prefix}`
      : `${counted(found.length, 'quarantined document')} begin with ${prefix}: ${digests.slice(0, 5).join(', ')}`,
    { hint: '`mongolake quarantine list` shows the digests; name the table where two have the same document.' },
  );
}

async function bytesOf(app: App, target: TableTarget, document: ListedDocument): Promise<Buffer | undefined> {
  if (document.object === null) return undefined;
  const storage = app.storage(target);
  try {
    return await readBytes(storage, document);
  } finally {
    await storage.close();
  }
}

function withheld({ digest }: ListedDocument): MongolakeError {
  return new MongolakeError(
    'USAGE',
    `the bytes of ${digest.slice(0, DIGEST_SHOWN)} are not kept: the table's column policy hides values, and it could not be applied to them`,
  );
}

/** One document as `--json` prints it: as canonical EJSON in a string where it can be walked, else its bytes in base64. */
export function showJson(table: string, document: ListedDocument, bytes: Buffer | undefined): Record<string, unknown> {
  const ejson = bytes && documentJson(bytes);
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    ...documentFields(document),
    ejson: ejson ?? null,
    base64: bytes === undefined || ejson !== undefined ? null : bytes.toString('base64'),
  };
}

/** One document for people. */
export function describeDocument(
  table: string,
  document: ListedDocument,
  bytes: Buffer | undefined,
): readonly string[] {
  const { digest, id, reason, place, run, at } = document;
  const ejson = bytes && documentJson(bytes);
  const facts = alignRows([
    ['table', table],
    ['digest', digest],
    ['_id', id === null ? '–' : printable(id)],
    ['reason', printable(reason)],
    ['place', printable(place)],
    ['listed', `${timeText(at)} by run ${run}`],
    ['size', bytesText(document.bytes)],
  ]);
  if (bytes === undefined) return [...facts, '', withheld(document).message];
  return [...facts, '', ...(ejson === undefined ? hexDump(bytes) : [printable(ejson)])];
}
