// `npm run quickstart`, on a bare checkout too: generates a collection as a dump, loads it into a Delta table in ./playground,
// generates the same collection a day later, syncs it, and says what to type next. Needs Node.js and npm, no server.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildIsStale, dropBuild, installIsStale, NPM, nodeProblem, ROOT, run } from './setup.mjs';

const PLAYGROUND = join(ROOT, 'playground');
const TABLE = join(PLAYGROUND, 'lake', 'notifications');
const DOCUMENTS = 100_000;

const CONFIG = `# yaml-language-server: $schema=../schema/mongolake.schema.json
# Written by \`npm run quickstart\`; every key is told by \`mongolake schema --config\`.
version: 1

connections:
  guest:
    kind: dump              # for a server: kind: mongodb, uri: "\${MONGODB_URI}"
    path: ./dump            # a .bson or .bson.gz file, a database's folder, or a whole mongodump

queue:
  kind: local               # everything in one process; for workers of their own: kind: redis, url: "\${REDIS_URL}"

defaults:
  cursorField: updateTime   # the date field that every write sets: what changed is found by it
  partitions: 4             # a merge job each; auto sizes it at the first load
  targetFileSize: 100kB     # tiny files, so that this small table has some to leave alone; 128MB where not given
  rowGroupSize: 2048        # 122880 where not given

pipelines:
  guest:
    source:
      connection: guest
      database: guest
      collections: [notifications]
    table:
      uri: file:./lake/{collection}   # or s3://bucket/folder/{collection}, with a connection of kind s3

log:
  level: warn               # info tells each step
`;

const bold = style(1);
const dim = style(2);
const red = style(31);
const green = style(32);

/** A step failed; what to say. */
class StepFailed extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

try {
  const began = performance.now();
  await prepare();
  await dayOne();
  await dayTwo();
  goOn((performance.now() - began) / 1000);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(`\n${red('quickstart:')} ${error.message}`);
  process.exitCode = error.exitCode;
}

async function prepare() {
  const problem = nodeProblem();
  if (problem !== undefined) throw new StepFailed(problem);
  if (installIsStale()) {
    heading('Install the packages');
    await step('npm ci', NPM, ['ci', '--no-audit', '--no-fund']);
  }
  if (buildIsStale()) {
    heading('Build dist/');
    try {
      await step('npm run build', NPM, ['run', '--silent', 'build']);
    } catch (error) {
      dropBuild();
      throw error;
    }
  }
}

async function dayOne() {
  for (const name of ['dump', 'lake', 'mongolake.yaml'])
    rmSync(join(PLAYGROUND, name), { recursive: true, force: true });
  mkdirSync(PLAYGROUND, { recursive: true });

  heading('Day one: a collection, as mongodump would leave it');
  await sample('--out', 'playground/dump');

  heading('A configuration');
  writeFileSync(join(PLAYGROUND, 'mongolake.yaml'), CONFIG);
  console.log(CONFIG.trimEnd().replace(/^(?=.)/gm, '  '));

  heading('The first load: every document into a Delta table of Parquet files');
  await mongolake('backfill');
}

async function dayTwo() {
  heading('Day two: the same collection, a little later');
  await sample('--day', '2', '--update-ratio', '0.002', '--out', 'playground/dump');

  heading('Sync: only what changed since');
  await mongolake('sync');
  console.log(whatHappened());

  heading('A look at the rows');
  await mongolake('head', '-n', '3');
}

/** Tells from the table's log which files the second version shares with the first. */
function whatHappened() {
  const entries = readdirSync(join(TABLE, '_delta_log'))
    .filter((name) => /^\d+\.json$/.test(name))
    .sort()
    .map((name) =>
      readFileSync(join(TABLE, '_delta_log', name), 'utf8')
        .trimEnd()
        .split('\n')
        .map(JSON.parse),
    );
  const [first, second] = entries;
  if (second === undefined) throw new StepFailed('day two made no version; please report this');
  const before = first.filter(({ add }) => add !== undefined).length;
  const replaced = second.filter(({ remove }) => remove !== undefined).length;
  const carried = before - replaced;
  return [
    `Of the first version's ${before} files, ${bold(`${carried} carried over as they are`)}; in the id ranges of the other ${replaced}, documents`,
    'changed or came new, so these were written anew. A reader sees the one version or the other, never a mix.',
  ].join('\n');
}

function goOn(seconds) {
  const query = "SELECT channel, count(*) FROM delta_scan('lake/notifications') GROUP BY ALL";
  const python = "from deltalake import DeltaTable; print(DeltaTable('lake/notifications').to_pyarrow_table())";
  const pages = ['README.md', 'ARCHITECTURE.md', 'docs', 'examples/sample/README.md'];
  console.log(`
${green('Done')} in ${seconds.toFixed(0)} s. What to type next:

  ${bold('cd playground')}
  ${bold('npx mongolake status')}      how fresh the table is
  ${bold('npx mongolake history')}     its versions
  ${bold('npx mongolake schema')}      its columns

The table is in playground/lake/notifications. Whatever reads Delta Lake reads it:

  ${bold(`duckdb -c "${query}"`)}
  ${bold('pip install deltalake pyarrow')}
  ${bold(`python3 -c "${python}"`)}

To read on: ${pages.filter((page) => existsSync(join(ROOT, page))).join(', ')}`);
}

/** Generates the sample collection; `npm run sample -- …` in words, without npm's own lines in between. */
function sample(...args) {
  const all = ['--docs', String(DOCUMENTS), ...args];
  const tsx = join('node_modules', 'tsx', 'dist', 'cli.mjs');
  return step(`npm run sample -- ${all.join(' ')}`, process.execPath, [tsx, 'examples/sample/main.ts', ...all]);
}

/** Runs mongolake in ./playground, where its configuration is; `npx mongolake …` in words. */
function mongolake(...args) {
  const cli = join(ROOT, 'dist', 'cli.js');
  return step(`npx mongolake ${args.join(' ')}`, process.execPath, [cli, ...args], PLAYGROUND);
}

/** Says a command as a user would type it, and runs it. Throws where it fails. */
async function step(words, command, args, cwd = ROOT) {
  console.log(`${dim(cwd === PLAYGROUND ? 'playground $' : '$')} ${bold(words)}`);
  const code = await run(command, args, { cwd });
  if (code !== 0) throw new StepFailed(`\`${words}\` failed (exit code ${code})`, code);
}

function heading(text) {
  console.log(`\n${green('──')} ${bold(text)}`);
}

/** Wraps text in an ANSI style where stdout is a terminal that wants it. */
function style(code) {
  const wanted = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  return (text) => (wanted ? `\x1b[${code}m${text}\x1b[0m` : text);
}
