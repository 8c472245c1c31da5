import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { restoreTable } from '../../src/coordinator/restore.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import { s3Storage } from '../../src/shared/adapters/storage-s3.ts';
import { ddlOf } from '../../src/shared/domain/ddl.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness, SETTINGS } from '../coordinator/table-harness.ts';
import { describeWith } from '../services/context.ts';
import { type Engine, type ReadOptions, readTable } from '../services/readers/read.ts';

const SLOW_MS = 120_000;
/** More where there is time (`npm run test:long`). */
const COMMITS = Number(process.env.MONGOLAKE_TEST_COMMITS ?? 30);
const REPLACED = 20;
const HOUR = 3_600_000;
const NAMESPACE = { database: 'guest', collection: 'notifications' };

/** A table whose every version can be told by what a reader sees of it. */
interface Growing {
  /** What a reader sees of each version, from 0 on: told before it is committed. */
  readonly seen: string[];
  /** The newest version that is committed for sure. */
  readonly newest: () => number;
  /** Makes the next version: changes some documents and adds one, or lays the table out anew, or brings an older version back. */
  commit(): Promise<void>;
  restore(version: number): Promise<void>;
  close(): Promise<void>;
}

function growing(storage: Storage): Growing {
  const table: Harness = harness({ now: Date.parse('2026-03-01T00:00:00Z'), wrap: () => storage });
  const { collection } = table;
  const settings = { checkpointInterval: 7 };
  const seen: string[] = [];
  const documents = new Map<number, number>();
  const states: Map<number, number>[] = [];
  let newest = -1;
  const tell = () => {
    states.push(new Map(documents));
    seen.push(signature([...documents.values()]));
  };
  const committed = (version: number | null) => {
    newest = seen.length - 1;
    expect(version).toBe(newest);
  };
  const restore = async (version: number) => {
    documents.clear();
    for (const [id, n] of states[version] ?? []) documents.set(id, n);
    tell();
    const choice = { kind: 'version', version } as const;
    const request = { choice, namespace: NAMESPACE, settings: { ...SETTINGS, ...settings } };
    committed((await restoreTable(request, table.runContext)).version);
  };
  return {
    seen,
    newest: () => newest,
    restore,
    async commit() {
      const version = seen.length;
      collection.now += HOUR;
      if (version % 10 === 5) return restore(version - 3);
      if (version % 10 === 8) {
        tell();
        const layout = { partitions: version % 20 === 8 ? 4 : 2 };
        return committed((await table.repartition(settings, layout)).version);
      }
      const updateTime = new Date(collection.now - 60_000);
      const changed = [...Array(REPLACED).keys(), 100 + version];
      for (const id of changed) documents.set(id, version);
      collection.documents = changed.map((_id) => ({ _id, n: version, updateTime }));
      tell();
      return committed((await table.sync({}, settings)).version);
    },
    async close() {
      await table.close();
      await storage.close();
    },
  };
}

/** Rows and their sum: equal for no two states that were not made equal. */
function signature(values: readonly number[]): string {
  return `${values.length} rows, sum ${values.reduce((sum, n) => sum + n, 0)}`;
}

async function look(engine: Engine, uri: string, options: ReadOptions): Promise<string> {
  const rows = await readTable(engine, uri, { columns: ['_id', 'n'], ...options });
  return signature(rows.map(({ n }) => n as number));
}

/** Reads until `done`: each reading is one version, and none older than what was committed when it began. Returns how many there were. */
async function readInALoop(
  engine: Engine,
  uri: string,
  options: ReadOptions,
  table: Growing,
  done: () => boolean,
): Promise<number> {
  let readings = 0;
  for (; !done() || readings === 0; readings++) {
    const before = table.newest();
    const found = await look(engine, uri, options);
    const since = table.seen.slice(before);
    expect(since, `${engine}, reading ${readings}, begun at version ${before}`).toContain(found);
  }
  return readings;
}

async function commitAndRead(table: Growing, uri: string, options: ReadOptions): Promise<void> {
  await table.commit();
  let done = false;
  const readings = Promise.all(
    (['duckdb', 'deltars'] as const).map((engine) => readInALoop(engine, uri, options, table, () => done)),
  );
  // It is waited for below, once the commits are done.
  readings.catch(() => {});
  try {
    while (table.newest() < COMMITS) await table.commit();
  } finally {
    done = true;
  }
  for (const count of await readings) expect(count).toBeGreaterThan(1);
}

describeWith(['readers'], 'a table in a folder, read while it is written', () => {
  let folder: string;
  let table: Growing;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-loop-'));
    table = growing(fileStorage(join(folder, 'lake'), systemClock()));
  });
  afterAll(async () => {
    await table.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const uri = () => join(folder, 'lake');

  it('is one version in each reading', { timeout: SLOW_MS }, async () => {
    await commitAndRead(table, uri(), {});
  });

  it('gives the rows of then by time travel, and those of a version that was brought back', {
    timeout: SLOW_MS,
  }, async () => {
    await table.restore(3);
    expect(await look('deltars', uri(), {})).toBe(table.seen[3]);
    for (const version of [0, 4, 8, COMMITS, COMMITS + 1])
      expect(await look('deltars', uri(), { version }), String(version)).toBe(table.seen[version]);
  });

  it('is read through the view that `ddl` prints', { timeout: SLOW_MS }, async () => {
    const asView = { uri: `file:${uri()}`, schema: 'o"dd', name: 'my notes', catalog: '' };
    // The extension is there; to install it takes the net.
    const statements = ddlOf('duckdb', asView).statements.filter((one) => !/^(INSTALL|LOAD)/.test(one));
    const view = '"o""dd"."my notes"';
    expect(await look('duckdb', uri(), { statements, view })).toBe(table.seen[table.newest()]);
  });
});

describeWith(['readers', 'spark'], 'a table that was restored, as Spark reads it', () => {
  it('has the rows of then, and those before by time travel', { timeout: SLOW_MS }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mongolake-loop-'));
    const table = growing(fileStorage(folder, systemClock()));
    try {
      for (let version = 0; version < 4; version++) await table.commit();
      await table.restore(1);
      expect(await look('spark', folder, {})).toBe(table.seen[1]);
      expect(await look('spark', folder, { version: 3 })).toBe(table.seen[3]);
    } finally {
      await table.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describeWith(['readers', 's3'], 'a table on S3, read while it is written', ({ s3 }) => {
  it('is one version in each reading', { timeout: SLOW_MS }, async () => {
    const { bucket, region, endpoint, accessKeyId, secretAccessKey } = s3;
    const credentials = { accessKeyId, secretAccessKey };
    const table = growing(s3Storage({ bucket, prefix: 'loop', region, endpoint, forcePathStyle: true, credentials }));
    try {
      await commitAndRead(table, `s3://${bucket}/loop`, { s3 });
    } finally {
      await table.close();
    }
  });
});
