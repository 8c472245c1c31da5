import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mongoService } from '../test/services/mongo.ts';
import { startRedis } from '../test/services/redis.ts';
import { unavailable } from '../test/services/result.ts';
import { benchCache } from './cache.ts';
import { chart } from './chart.ts';
import type { Scenario } from './contender.ts';
import { remove } from './folders.ts';
import type { Lab } from './lab.ts';
import { describeMachine, type Machine, machineLine, machineText } from './machine.ts';
import { type Options, parseOptions, USAGE, UsageError } from './options.ts';
import { preparePeers, prepareSparkPeer } from './peers.ts';
import { runRounds, type ScenarioResult } from './rounds.ts';
import { backfillScenario } from './scenarios/backfill.ts';
import { backfillServerScenario } from './scenarios/backfill-server.ts';
import { emptySyncScenario } from './scenarios/empty-sync.ts';
import { enginesLoadScenario, enginesMergeScenario } from './scenarios/engines.ts';
import { mergeScenario } from './scenarios/merge.ts';
import { workersBackfillScenario, workersMergeScenario } from './scenarios/workers.ts';
import { resultText } from './table.ts';

const SCENARIOS: Readonly<Record<string, (lab: Lab) => Scenario>> = {
  'merge-uniform': (lab) => mergeScenario(lab, 'uniform'),
  'merge-recent': (lab) => mergeScenario(lab, 'recent'),
  'merge-worst': (lab) => mergeScenario(lab, 'worst'),
  backfill: backfillScenario,
  'backfill-server': backfillServerScenario,
  'workers-merge': workersMergeScenario,
  'workers-backfill': workersBackfillScenario,
  'empty-sync': emptySyncScenario,
  'engines-load': enginesLoadScenario,
  'engines-merge': enginesMergeScenario,
};
/** Those in which others do the same job. */
const CHARTED = /^(?:merge-|backfill$)/;
/** Where both engines are compared: parquetjs takes minutes for more. */
const SMALL_ROWS = 200_000;

/** `npm run bench`: see README.md. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), Object.keys(SCENARIOS));
  if (options === undefined) {
    process.stdout.write(`${USAGE}\nscenarios: ${Object.keys(SCENARIOS).join(', ')}\n`);
    return;
  }
  if (process.platform !== 'linux')
    throw new UsageError('memory and processor time are read from /proc: run it on Linux');
  if (!existsSync(fileURLToPath(new URL('../dist/cli.js', import.meta.url))))
    throw new UsageError('dist/cli.js is missing: run `npm run build` first');
  const lab = await openLab(options);
  try {
    await runAll(lab, options);
  } finally {
    if (lab.redis.available) await lab.redis.stop();
    if (lab.mongodb.available) await lab.mongodb.stop();
    remove(lab.work);
  }
}

async function openLab({ scenarios, seed, rows, documents }: Options) {
  const some = (pattern: RegExp) => scenarios.some((name) => pattern.test(name));
  const work = join(benchCache(), 'work');
  remove(work);
  mkdirSync(work, { recursive: true });
  return {
    base: { seed, rows },
    load: { seed, rows: documents },
    small: { seed, rows: Math.min(SMALL_ROWS, Math.ceil(rows / 10)) },
    work,
    cores: availableParallelism(),
    sparkMemory: `${Math.max(Math.min(8, Math.floor(totalmem() / 2 ** 31)), 1)}g`,
    peers: await preparePeers(),
    spark: some(/^merge-/) ? await prepareSparkPeer() : unavailable('no chosen scenario needs it'),
    redis: some(/^workers-/) ? await startRedis() : unavailable('no chosen scenario needs it'),
    mongodb: some(/-server$/) ? await mongoService() : unavailable('no chosen scenario needs it'),
    tables: new Map(),
  };
}

async function runAll(lab: Lab, options: Options): Promise<void> {
  const machine = await describeMachine(lab.peers, lab.spark);
  const { rows, documents, rounds } = options;
  const size = `${count(rows)} rows merged into, ${count(documents)} documents loaded, rounds: ${rounds}`;
  process.stdout.write(`${machineText(machine)}${size}\n\n`);
  const results: ScenarioResult[] = [];
  for (const name of options.scenarios) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) continue;
    const result = await runRounds(scenario(lab), rounds);
    process.stdout.write(`${resultText(result)}\n`);
    results.push(result);
    save(options, machine, results);
  }
}

/** After each scenario, so that a run that is broken off leaves what it has measured. */
function save(options: Options, machine: Machine, results: readonly ScenarioResult[]): void {
  const { out, ...asked } = options;
  mkdirSync(out, { recursive: true });
  const report = { schemaVersion: 1, finishedAt: new Date().toISOString(), machine, options: asked, results };
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  const foot = [
    `Medians of ${asked.rounds}: seconds of whole processes, start-up included, and peak memory of all of them`,
    `${count(asked.rows)} rows merged into, ${count(asked.documents)} documents loaded · ${machineLine(machine)}`,
  ];
  const charted = results.filter(({ name }) => CHARTED.test(name));
  if (charted.length > 0) writeFileSync(join(out, 'results.svg'), chart(charted, foot));
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

try {
  await main();
} catch (error) {
  const words = error instanceof UsageError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`bench: ${words}\n`);
  process.exitCode = error instanceof UsageError ? 64 : 1;
}
