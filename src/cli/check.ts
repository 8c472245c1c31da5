import pc from 'picocolors';
import { JSON_SCHEMA_VERSION } from '../app/json.ts';
import { redisPlace } from '../composition.ts';
import { checkTable, type TableCheckContext } from '../coordinator/check.ts';
import { type CheckResult, failed, ok, queueVerdicts, scratchVerdict, skipped } from '../coordinator/check-verdicts.ts';
import { redisLabel } from '../shared/adapters/redis.ts';
import { inspectRedis } from '../shared/adapters/redis-facts.ts';
import { sourceConnection, type TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError, ERROR_CODES, type ErrorCode, EXIT, MongolakeError } from '../shared/domain/errors.ts';
import type { CollectionInfo } from '../shared/ports/source.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { tlsWarnings } from './check-tls.ts';
import { printJson, printLine } from './output.ts';
import { freeSpace } from './scratch.ts';
import { counted, pad, printable, printableLines, tableTitle } from './text.ts';

/** The results of one table, or (`null`) of what all tables share. */
interface Section {
  readonly table: string | null;
  readonly results: AsyncIterable<CheckResult>;
}

/** `check`: proves each part in turn, tells of each, and returns the exit code of the first failure. */
export async function checkCommand(name: string | undefined, globals: GlobalOptions): Promise<number> {
  const json = globals.json ?? false;
  const all: CheckResult[] = [];
  for await (const { table, results } of sections(name, globals)) {
    const own: CheckResult[] = [];
    for await (const result of results) {
      if (!json && own.length === 0 && table !== null) printLine(`\n${tableTitle(table)}`);
      own.push(result);
      if (!json) for (const line of describeResult(result)) printLine(line);
    }
    if (json) printJson(sectionJson(table, own));
    all.push(...own);
  }
  if (!json) printLine(`\n${summary(all)}`);
  return checkExitCode(all);
}

/** That of the first failure; 0 with warnings only. */
export function checkExitCode(results: readonly Pick<CheckResult, 'status' | 'code'>[]): number {
  const first = results.find(({ status }) => status === 'failed');
  return first === undefined ? EXIT.ok : ERROR_CODES[first.code ?? 'INTERNAL'].exit;
}

async function* sections(name: string | undefined, globals: GlobalOptions): AsyncGenerator<Section, void, void> {
  let app: App;
  try {
    app = await openApp(globals);
  } catch (error) {
    const known = asMongolakeError(error);
    const part = isConfiguration(known.code) ? 'config' : VAULT_CODES.has(known.code) ? 'vault' : undefined;
    if (part === undefined) throw error;
    yield { table: null, results: each([failed(part, known), skipped('everything else', `${part} failed`)]) };
    return;
  }
  yield { table: null, results: sharedChecks(app) };
  yield* tableSections(app, name);
}

const VAULT_CODES: ReadonlySet<ErrorCode> = new Set(['VAULT_UNREACHABLE', 'VAULT_SEALED', 'VAULT_REFUSED']);

function isConfiguration(code: ErrorCode): boolean {
  return code === 'CONFIG_INVALID' || code === 'CONFIG_VARIABLE';
}

/** The tables one by one: what an earlier one found unreachable is not waited for again. */
async function* tableSections(app: App, name: string | undefined): AsyncGenerator<Section, void, void> {
  let targets: readonly TableTarget[];
  try {
    targets = await app.targets(name);
  } catch (error) {
    const known = asMongolakeError(error);
    if (known.code === 'USAGE' || isConfiguration(known.code)) throw error;
    const unknown = skipped('tables', 'which they are is not known without the source');
    yield { table: name ?? null, results: each([failed('source', known), unknown]) };
    return;
  }
  const down = new Map<string, MongolakeError>();
  const listed = new Map<string, Promise<readonly CollectionInfo[]>>();
  for (const target of targets) yield { table: target.name, results: tableChecks(app, target, down, listed) };
}

async function* tableChecks(
  app: App,
  target: TableTarget,
  down: Map<string, MongolakeError>,
  listed: Map<string, Promise<readonly CollectionInfo[]>>,
): AsyncGenerator<CheckResult, void, void> {
  const { connection, database } = target;
  const source = app.source(target);
  const storage = app.storage(target);
  const places = { source: `source ${connection}`, store: `store ${target.store ?? ''}` };
  const context: TableCheckContext = {
    source,
    kind: sourceConnection(app.config, target).kind === 'mongodb' ? 'live' : 'dump',
    storage,
    clock: app.clock,
    settings: target.settings,
    columns: app.columns(target),
    sourceDown: down.get(places.source),
    storeDown: down.get(places.store),
    collections: () => {
      const key = `${connection} ${database}`;
      const list = listed.get(key) ?? app.collections(connection, database);
      listed.set(key, list);
      return list;
    },
  };
  try {
    for await (const result of checkTable(context)) {
      yield result;
      if (result.code !== 'SOURCE_UNREACHABLE' && result.code !== 'STORE_UNREACHABLE') continue;
      const place = result.code === 'SOURCE_UNREACHABLE' ? places.source : places.store;
      if (!down.has(place)) down.set(place, new MongolakeError(result.code, `can't be reached, as for ${target.name}`));
    }
  } finally {
    await source.close();
    await storage.close();
  }
}

async function* sharedChecks(app: App): AsyncGenerator<CheckResult, void, void> {
  const pipelines = counted(Object.keys(app.config.pipelines).length, 'pipeline');
  yield ok('config', `${app.config.file}: ${pipelines}`);
  if (app.secrets !== undefined) yield ok('vault', `${app.secrets.description}: every reference has a value`);
  yield* tlsWarnings(app.config, process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0');
  yield* checkQueue(app);
  yield await checkScratch(app);
}

async function* checkQueue({ config }: App): AsyncGenerator<CheckResult, void, void> {
  const { queue } = config;
  if (queue.kind === 'local') {
    yield ok('queue', 'local: everything in one process');
    return;
  }
  try {
    const facts = await inspectRedis(redisPlace(queue));
    yield* queueVerdicts(facts, redisLabel(queue.url));
  } catch (error) {
    yield failed('queue', asMongolakeError(error));
    for (const part of ['eviction', 'persistence']) yield skipped(part, 'queue failed');
  }
}

async function checkScratch({ config, clock }: App): Promise<CheckResult> {
  const { scratch, concurrency } = config.worker;
  try {
    const free_bytes = await freeSpace(scratch, clock);
    const largest = Math.max(config.defaults.targetFileSize, ...Object.values(config.pipelines).map(largestFile));
    return scratchVerdict(scratch, free_bytes, concurrency, largest);
  } catch (error) {
    return failed('scratch', asMongolakeError(error));
  }
}

function largestFile(pipeline: App['config']['pipelines'][string]): number {
  const sizes = [pipeline, ...Object.values(pipeline.collections)].map(({ targetFileSize }) => targetFileSize ?? 0);
  return Math.max(...sizes);
}

async function* each(results: readonly CheckResult[]): AsyncGenerator<CheckResult, void, void> {
  yield* results;
}

const LABELS = {
  ok: pc.green('ok     '),
  warning: pc.yellow('warning'),
  failed: pc.red('failed '),
  skipped: pc.dim('skipped'),
} as const;

/** One line, and a second that says what to do. */
export function describeResult({ name, status, message, hint }: CheckResult): readonly string[] {
  const text = printableLines(message, 22);
  const lines = [`${LABELS[status]}  ${pad(name, 11)}  ${status === 'skipped' ? pc.dim(text) : text}`];
  return hint === undefined ? lines : [...lines, `${' '.repeat(22)}${pc.cyan('→')} ${printable(hint)}`];
}

function summary(results: readonly CheckResult[]): string {
  const count = (status: CheckResult['status']) => results.filter((result) => result.status === status).length;
  const failures = count('failed');
  const warnings = count('warning');
  if (failures + warnings === 0) return pc.green('all is well');
  return [
    ...(failures > 0 ? [pc.red(`${failures} failed`)] : []),
    ...(warnings > 0 ? [pc.yellow(counted(warnings, 'warning'))] : []),
  ].join(', ');
}

/** The results of one table, or of what all share, as `--json` prints them. */
export function sectionJson(table: string | null, results: readonly CheckResult[]): Record<string, unknown> {
  const has = (status: CheckResult['status']) => results.some((result) => result.status === status);
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: has('failed') ? 'failed' : has('warning') ? 'warning' : 'ok',
    checks: results.map(({ name, status, message, hint, code }) => ({
      name,
      status,
      message,
      hint: hint ?? null,
      code: code ?? null,
    })),
  };
}
