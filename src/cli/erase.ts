import { createInterface } from 'node:readline/promises';
import pc from 'picocolors';
import { eraseJson, isProved, previewJson } from '../app/erase.ts';
import { type Erased, type EraseRequest, eraseIds } from '../coordinator/erase.ts';
import { type ErasePreview, previewErase } from '../coordinator/erase-preview.ts';
import type { Proof } from '../coordinator/purge.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { EXIT, MongolakeError } from '../shared/domain/errors.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { givenIds } from './given-ids.ts';
import { describeFiles, exitCodeOf, number } from './output.ts';
import { runTables } from './runs.ts';
import { alignRows, counted, printable } from './text.ts';

export interface EraseOptions {
  readonly id?: readonly string[];
  readonly idsFile?: string;
  readonly purge?: boolean;
  readonly allow?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type Asked = Pick<EraseRequest, 'ids' | 'kind' | 'purges'>;

/** `erase`: removes ids from each table that the target names, or says what that would do; returns the exit code. */
export async function eraseCommand(
  name: string | undefined,
  options: EraseOptions,
  globals: GlobalOptions,
): Promise<number> {
  const asked = await askedFor(options);
  const app = await openApp(globals);
  const dryRun = options.dryRun === true;
  if (!dryRun && options.yes !== true && !(await isConfirmed(app, name, asked))) return EXIT.failed;
  // Data files are looked into here, as `head` does.
  const { findIds } = await import('../worker/thread/find.ts');
  const { memory: memoryBytes } = app.config.worker;
  const find: Parameters<typeof eraseIds>[1]['find'] = (engine, file) => findIds(engine, { ...file, memoryBytes });
  const { results, failures } = await runTables<Erased | ErasePreview>(app, name, globals, {
    run: (target, context) => {
      const { pipeline, collection, settings } = target;
      const columns = app.columns(target);
      const request = { ...asked, pipeline, collection, settings, columns, keyed: app.keyed };
      return (dryRun ? previewErase : eraseIds)(request, { ...context, find });
    },
    json: (table, result) => ('run' in result ? eraseJson(table, result) : previewJson(table, result)),
    line: (table, result) =>
      ('run' in result ? describeErased(table, asked, result) : describePreview(table, asked, result)).join('\n'),
  });
  if (failures.length > 0) return exitCodeOf(failures);
  return results.every((result) => !('run' in result) || isProved(result)) ? EXIT.ok : EXIT.failed;
}

/** What the options ask for. Throws `USAGE`. */
async function askedFor(options: EraseOptions): Promise<Asked> {
  const { purge = false, allow = false } = options;
  if (purge && allow) {
    throw new MongolakeError('USAGE', 'erase: --allow lets ids come back, and --purge removes them for good', {
      hint: 'Give one of the two.',
    });
  }
  return { ids: await givenIds(options), kind: allow ? 'allow' : 'erase', purges: purge };
}

/** Whoever sits at a terminal is asked; a script is taken at its word. */
async function isConfirmed(app: App, name: string | undefined, { ids, kind, purges }: Asked): Promise<boolean> {
  if (!app.screen.interactive || !process.stdin.isTTY || kind === 'allow') return true;
  const tables = (await app.targets(name)).map((target) => target.name).join(', ');
  const what = purges
    ? `removes ${counted(ids.length, 'id')} from ${tables} and its history: every older version is given up`
    : `removes ${counted(ids.length, 'id')} from ${tables}`;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await terminal.question(`This ${what}. There is no way back. Type yes to go on: `, {
      signal: app.signal,
    });
    const isYes = answer.trim().toLowerCase() === 'yes';
    if (!isYes) app.screen.print('Nothing was changed.\n');
    return isYes;
  } catch (error) {
    app.signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}

/** Ids that are told to people. */
const IDS_TOLD = 20;

/** What was done, for people. */
export function describeErased(table: string, { kind }: Pick<Asked, 'kind'>, result: Erased): readonly string[] {
  const { run, ids, listed, onList, notFound, purged } = result;
  const version = purged?.version ?? run.version;
  const what = version === null ? 'nothing new' : `version ${version}`;
  const list = `the list of erased ids has ${number(onList)}`;
  const head = pc.green(what);
  if (kind === 'allow')
    return [`${pc.bold(table)}  ${head}  ${counted(listed, 'id')} of ${number(ids)} may come back; ${list}`];
  const rows = `${counted(run.counts.deleted, 'row')} of ${counted(ids, 'id')} erased, ${number(listed)} new on the list; ${list}`;
  return [
    `${pc.bold(table)}  ${head}  ${rows}  ${pc.dim(`(${describeFiles(run)})`)}`,
    ...describeNotFound(notFound),
    ...(purged === undefined
      ? [
          `  ${pc.yellow('note')}  older versions still hold these rows: until \`mongolake erase --purge\`, or for the retention until \`mongolake vacuum\``,
        ]
      : describePurged(purged)),
  ];
}

function describeNotFound(notFound: readonly string[]): readonly string[] {
  if (notFound.length === 0) return [];
  const told = notFound
    .slice(0, IDS_TOLD)
    .map((id) => printable(id))
    .join(', ');
  const more = notFound.length > IDS_TOLD ? ` and ${number(notFound.length - IDS_TOLD)} more (--json tells them)` : '';
  return [`  not found: ${told}${more}`];
}

function describePurged({ givenUp, files, bytes, proof }: NonNullable<Erased['purged']>): readonly string[] {
  const left = proof.filter(({ gone }) => !gone);
  const found = 'every data file, log entry, checkpoint, quarantined document and staged object was looked into again';
  return [
    `  purged: versions ${givenUp.from} to ${givenUp.to} are given up; ${counted(files, 'data file')} deleted (${bytesText(bytes)})`,
    ...alignRows(proof.map((one) => [`  ${fateOf(one)}`, printable(one.key), pc.dim(one.what)])),
    left.length === 0
      ? `  ${pc.green('proved')}  ${found}, and none holds one of the ids`
      : `  ${pc.red('not gone')}  ${counted(left.length, 'object')} still hold one of the ids: run the same command again`,
  ];
}

function fateOf({ gone }: Proof): string {
  return gone ? pc.green('gone') : pc.red('still there');
}

/** What would be done, for people. */
export function describePreview(
  table: string,
  { kind }: Pick<Asked, 'kind'>,
  preview: ErasePreview,
): readonly string[] {
  const { ids, listed, rows, partitions, files, bytes, quarantined, notFound, purge } = preview;
  const would = (text: string) => `${pc.bold(table)}  ${pc.yellow(text)}`;
  if (kind === 'allow')
    return [would(`would take ${number(listed)} of ${counted(ids, 'id')} off the list of erased ids`)];
  const aside = quarantined === 0 ? '' : `, and ${counted(quarantined, 'quarantined document')}`;
  const rewritten = `${counted(files, 'file')} of ${counted(partitions, 'partition')} rewritten (${bytesText(bytes)})`;
  return [
    `${would(`would erase ${counted(rows, 'row')} of ${counted(ids, 'id')}${aside}`)}  ${rewritten}, ${number(listed)} new on the list of erased ids`,
    ...describeNotFound(notFound),
    ...(purge === undefined
      ? []
      : [
          `  would give up versions ${purge.givenUp.from} to ${purge.givenUp.to}, and delete ${counted(purge.files, 'data file')} (${bytesText(purge.bytes)})`,
          ...alignRows(purge.holders.map(({ key, what }) => ['  holds them', printable(key), pc.dim(what)])),
        ]),
  ];
}
