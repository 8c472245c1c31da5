/**
 * Measures both engines in one run: `npx tsx bench/engines.ts [ROWS]`. A first load of one partition of 12 columns, then a delta of 2%
 * spread over all of it; each engine in a process of its own. Prints the time of the merge, that of the processor in it (what counts on a
 * busy machine), and the peak memory of the process.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Decimal128, type Document, Double, Long } from 'bson';
import { foldSchema } from '../src/shared/domain/fold.ts';
import { ENGINES, type EngineName } from '../src/shared/domain/plan.ts';
import { emptySketch, sketchDocument } from '../src/shared/domain/sketch.ts';
import type { LocalBaseFile, LocalSection, MergeOutcome } from '../src/worker/thread/engine.ts';
import { merge } from '../src/worker/thread/task.ts';
import { bson, writeSection } from '../test/worker/thread/table.ts';

const MEMORY = 512e6;
const START = Date.parse('2026-01-01T00:00:00Z');

/** A row of 12 columns, about 350 bytes of BSON. */
function document(i: number, version: number): Document {
  const mixed = Math.imul(i, 2_654_435_761) >>> 0;
  return {
    _id: `${mixed.toString(16).padStart(8, '0')}-${i}`,
    status: ['queued', 'sent', 'read', 'failed'][mixed % 4],
    guest: `guest-${mixed % 50_000}`,
    message: `Dear guest ${i}, your room ${mixed % 900} is ready; breakfast is from 7 to ${(mixed % 4) + 9}. (${version})`,
    attempts: mixed % 5,
    sequence: Long.fromNumber(i * 1000),
    score: new Double(mixed / 7),
    price: Decimal128.fromString(`${mixed % 1000}.${10 + (mixed % 90)}`),
    read: mixed % 2 === 0,
    sentAt: mixed % 3 === 0 ? null : new Date(START + mixed),
    tags: [`t${mixed % 7}`, `t${mixed % 11}`],
    updateTime: new Date(START + i + version),
  };
}

/** Every `step`th document as one section. */
function section(folder: string, rows: number, step: number, version: number): LocalSection {
  const documents = Array.from({ length: Math.ceil(rows / step) }, (_, i) => bson(document(i * step, version)));
  return writeSection(folder, version, documents, 4000);
}

async function measure(engine: EngineName, rows: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-bench-'));
  const sketch = emptySketch();
  for (let i = 0; i < 1000; i++) sketchDocument(sketch, bson(document(i, 0)), 0);
  const schema = foldSchema(undefined, sketch);
  const run = (name: string, own: LocalSection, base: readonly LocalBaseFile[]) => {
    const scratch = join(folder, name);
    mkdirSync(scratch);
    const write = { targetFileSize: 128e6, rowGroupSize: 122_880, compression: 'snappy', compressionLevel: 1 } as const;
    const task = {
      kind: 'merge',
      engine,
      scratch,
      memoryBytes: MEMORY,
      schema,
      cursor: { field: 'updateTime', type: 'date' },
      write,
    } as const;
    return timed(`${engine}, ${name}`, () => merge({ ...task, sections: [own], base, keepRows: 'none' }));
  };
  const first = await run('first load', section(folder, rows, 1, 0), []);
  await run('delta of 2%', section(folder, rows, 50, 1), first.added);
  rmSync(folder, { recursive: true });
}

async function timed(what: string, work: () => Promise<MergeOutcome>): Promise<MergeOutcome> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const outcome = await work();
  const ms = Math.round(performance.now() - started);
  const { user, system } = process.cpuUsage(before);
  const cpu = Math.round((user + system) / 1000);
  const { inserted, updated } = outcome.counts;
  const written = outcome.added.reduce((sum, { size }) => sum + size, 0) / 1e6;
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  const figures = `${ms} ms (${cpu} ms of processor), peak ${peak} MB, ${inserted} inserted, ${updated} updated, ${written.toFixed(1)} MB written`;
  process.stdout.write(`${what}: ${figures}\n`);
  return outcome;
}

const [rows = '200000', engine] = process.argv.slice(2);
if (engine !== undefined) await measure(engine as EngineName, Number(rows));
else {
  for (const name of ENGINES) {
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), rows, name];
    spawnSync(process.execPath, args, { stdio: 'inherit' });
  }
}
