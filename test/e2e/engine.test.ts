import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START = Date.parse('2026-01-10T10:00:00Z');
const document = (id: number, minute: number) => ({
  _id: id,
  name: `n${id}`,
  seen: [new Date(START), null],
  updateTime: new Date(START + minute * 60_000),
});

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;

function configOf(engine: string) {
  return {
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    worker: { scratch: './scratch' },
    defaults: { engine, partitions: 2 },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['bookings'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  };
}

let space: Workspace;
afterEach(() => space.close());

/** A dump of 50 documents, of which `fresh` were written anew. */
function dump(fresh: readonly number[], minute: number): void {
  const documents = Array.from({ length: 50 }, (_, id) => document(id, fresh.includes(id) ? minute : 0));
  writeDump(`${space.folder}/dump/guest/bookings.bson`, documents, new Date(START + (minute + 60) * 60_000));
}

async function head(): Promise<readonly Record<string, unknown>[]> {
  const { ended, results } = await space.json('head', '--rows', '100');
  expect(ended.stderr).toBe('');
  return (results[0] as unknown as { rows: Record<string, unknown>[] }).rows;
}

/** Rows of a table in the order of ids, as `head --json` has them. */
function expected(fresh: readonly number[], minute: number): readonly Record<string, unknown>[] {
  return Array.from({ length: 50 }, (_, id) => {
    const { updateTime, name } = document(id, fresh.includes(id) ? minute : 0);
    return { _id: id, name, seen: [new Date(START).toISOString(), null], updateTime: updateTime.toISOString() };
  });
}

async function sortedHead() {
  return [...(await head())].sort((a, b) => Number(a._id) - Number(b._id));
}

describe('where DuckDB is not installed', { timeout: SLOW_MS }, () => {
  let installed: string;
  beforeAll(() => {
    installed = mkdtempSync(join(tmpdir(), 'mongolake-installed-'));
    cpSync(join(ROOT, 'dist'), join(installed, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    mkdirSync(join(installed, 'node_modules'));
    for (const name of readdirSync(join(ROOT, 'node_modules')).filter((each) => each !== '@duckdb')) {
      symlinkSync(join(ROOT, 'node_modules', name), join(installed, 'node_modules', name));
    }
  });
  afterAll(() => rmSync(installed, { recursive: true, force: true }));

  it('a table of parquetjs is made, synced and shown', async () => {
    space = workspace(configOf('parquetjs'), {}, join(installed, 'dist/cli.js'));
    dump([], 0);
    expect((await space.json('sync')).results).toMatchObject([{ status: 'committed', version: 0, inserted: 50 }]);
    dump([3, 4], 90);
    expect((await space.json('sync')).results).toMatchObject([{ version: 1, inserted: 0, updated: 2 }]);
    expect(await sortedHead()).toEqual(expected([3, 4], 90));
  });

  it('a table of DuckDB is refused by name', async () => {
    space = workspace(configOf('duckdb'), {}, join(installed, 'dist/cli.js'));
    dump([], 0);
    const { ended, results } = await space.json('sync');
    expect(results).toMatchObject([{ error: { code: 'ENGINE_MISSING', retryable: false } }]);
    expect(results[0]?.error?.message).toMatch(
      /^merging partition \d: the engine duckdb can't be loaded here: .*@duckdb/,
    );
    expect(results[0]?.error?.hint).toContain('engine: parquetjs');
    expect(ended.code).toBe(78);
    expect(existsSync(join(space.folder, 'lake/bookings/_delta_log'))).toBe(false);
  });
});

describe('where it is', { timeout: SLOW_MS }, () => {
  it('DuckDB takes over a table of parquetjs and says so, and the reverse is refused', async () => {
    space = workspace(configOf('parquetjs'));
    dump([], 0);
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: 50 }]);
    space.configure(configOf('duckdb'));
    dump([7], 90);
    const takeover = await space.json('sync');
    expect(takeover.results).toMatchObject([{ version: 1, inserted: 0, updated: 1 }]);
    expect(takeover.ended.stderr).toContain('the engine duckdb takes the table over from parquetjs');
    expect(await sortedHead()).toEqual(expected([7], 90));
    space.configure(configOf('parquetjs'));
    for (const command of ['sync', 'plan']) {
      const { ended, results } = await space.json(command);
      expect(results).toMatchObject([{ error: { code: 'TABLE_ENGINE' } }]);
      expect(ended.code).toBe(78);
    }
  });
});
