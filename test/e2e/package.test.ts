import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { writeDump } from './dump.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEADLINE_MS = 60_000;

const updateTime = new Date('2026-05-01T00:00:00Z');
const documents = (count: number) => Array.from({ length: count }, (_, n) => ({ _id: `id-${n}`, n, updateTime }));

/** Uses every type and function of the package as a strict project does; the lines that expect an error are the other half of the test. */
const CONSUMER = `
import {
  type BackfillOptions, backfill, type Bounds, type CallOptions, type ErrorCode, type FailedResult, type MongolakeConfig, MongolakeError,
  type MongolakeLogger, type MongolakeSettings, type PlanOptions, type PlanResult, plan, type StatusOptions, type StatusResult, status, type SyncOptions,
  type SyncResult, sync, type TableProgress,
} from 'mongolake';

declare const console: MongolakeLogger & { log(text: string): void };
declare const process: { readonly argv: readonly string[] };

const folder = process.argv[2] ?? '';
const config = {
  version: 1,
  connections: { guest: { kind: 'dump', path: folder + '/dump' } },
  defaults: { partitions: 2, allowedLateness: '5m' } satisfies MongolakeSettings,
  worker: { concurrency: 1 },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
      table: { uri: 'file:' + folder + '/lake/{collection}' },
    },
  },
} as const satisfies MongolakeConfig;

const options: CallOptions & SyncOptions & BackfillOptions & PlanOptions & StatusOptions & Bounds = {
  config,
  onProgress: (progress: TableProgress) => { const figure: number | undefined = progress.documentsTotal; return void figure; },
};
const first = (await sync(options))[0] as SyncResult | FailedResult;
// @ts-expect-error a failed table has no counts
first.inserted;
const code: ErrorCode | undefined = first.status === 'failed' ? first.error.code : undefined;
const again: readonly (SyncResult | FailedResult)[] = await backfill({ config, target: 'guest.notifications' });
const planned: readonly (PlanResult | FailedResult)[] = await plan({ config });
const stands: readonly (StatusResult | FailedResult)[] = await status({ config });
const wrong = await sync({
  // @ts-expect-error a duration is a string with a unit
  config: { ...config, defaults: { allowedLateness: 5 } },
}).catch((error: unknown) => (error instanceof MongolakeError ? error.code : 'none'));
// @ts-expect-error a configuration is needed
void (() => sync({}));
// @ts-expect-error what is inside is nobody's business
void (() => import('mongolake/dist/app/app.js'));
console.log(JSON.stringify({ first, code: code ?? null, again, planned, stands, wrong }));
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    // Of the web's, only what stands for AbortSignal: the package's types need none of Node's.
    lib: ['ES2022', 'DOM'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: [],
  },
  include: ['consumer.ts'],
};

/** Aborts while partitions are merged. Only what was left open would keep its process from ending. */
const ABORTING = `
import { sync } from 'mongolake';
const controller = new AbortController();
const results = await sync({
  config: 'mongolake.yaml',
  signal: controller.signal,
  onProgress: ({ stage }) => stage === 'merge' && controller.abort(),
});
const open = process.getActiveResourcesInfo();
console.log(JSON.stringify({ results, open }));
`;

describe('the package as a project has it that installed it', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-package-'));
    const installed = join(folder, 'node_modules', 'mongolake');
    mkdirSync(installed, { recursive: true });
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
    const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']);
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', type: 'module', private: true }));
    writeDump(join(folder, 'dump/guest/notifications.bson'), documents(20), new Date('2026-06-01T00:00:00Z'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a program there to its own end. */
  const node = (...args: string[]) =>
    new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const child = spawn(process.execPath, args, { cwd: folder, timeout: DEADLINE_MS, killSignal: 'SIGKILL' });
      const said = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
      child.on('close', (code) => resolve({ code, ...said }));
    });
  const configure = (lake: string) =>
    writeFileSync(
      join(folder, 'mongolake.yaml'),
      stringify({
        version: 1,
        connections: { guest: { kind: 'dump', path: './dump' } },
        defaults: { partitions: 2 },
        worker: { concurrency: 1 },
        pipelines: {
          guest: {
            source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
            table: { uri: `file:./${lake}/{collection}` },
          },
        },
      }),
    );

  it('compiles against its types, strictly and without those of Node, and syncs a dump to a folder', async () => {
    writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    expect(await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder)).toMatchObject({
      code: 0,
      stdout: '',
    });
    const { code, stdout, stderr } = await node('consumer.js', folder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      first: { table: 'guest.notifications', status: 'committed', version: 0, inserted: 20 },
      code: null,
      again: [{ status: 'unchanged', read: 20, unchanged: 20 }],
      planned: [{ status: 'nothing-to-do', documents: 0 }],
      stands: [{ status: 'present', rows: 20, partitions: 2 }],
      wrong: 'CONFIG_INVALID',
    });
  });

  it('prints with --json what the library gives', async () => {
    configure('lake');
    const script =
      "import { plan } from 'mongolake'; console.log(JSON.stringify((await plan({ config: 'mongolake.yaml' }))[0]));";
    const [library, command] = await Promise.all([
      node('--input-type=module', '--eval', script),
      node('node_modules/mongolake/dist/cli.js', '--json', 'plan'),
    ]);
    expect(library.stdout).toContain('"guest.notifications"');
    expect(library.stdout).toBe(command.stdout);
  });

  it('ends by itself after a signal in the middle of a run', async () => {
    configure('aborted');
    writeFileSync(join(folder, 'aborting.mjs'), ABORTING);
    const { code, stdout, stderr } = await node('aborting.mjs');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results, open } = JSON.parse(stdout);
    expect(results).toMatchObject([{ status: 'failed', error: { code: 'INTERRUPTED' } }]);
    // Its own pipes to us, and nothing else.
    expect(open.filter((name: string) => name !== 'PipeWrap')).toEqual([]);
  });

  it('runs the example', async () => {
    configure('example');
    cpSync(join(ROOT, 'examples/library/sync.mjs'), join(folder, 'sync.mjs'));
    const synced = await node('sync.mjs', 'mongolake.yaml', 'guest.notifications', '60');
    expect(synced).toMatchObject({
      code: 0,
      stdout: 'guest.notifications: committed, version 0, 20 inserted, 0 updated\n',
      stderr: expect.stringMatching(/^guest\.notifications extract 1\/1$/m),
    });
    const late = await node('sync.mjs', 'mongolake.yaml', 'guest.notifications', '0');
    // Thrown where the deadline comes before the run, its result where it comes in the middle.
    expect([75, 130]).toContain(late.code);
    expect(late.stdout + late.stderr).toContain('INTERRUPTED');
    expect(await node('sync.mjs', 'no.yaml')).toMatchObject({ code: 78, stderr: expect.stringContaining('no.yaml') });
  });
});
