import { join } from 'node:path';
import type { Agreement } from '../agreement.ts';
import type { Absent, Contender } from '../contender.ts';
import type { DeltaKind } from '../data/delta.ts';
import { lastCommit } from '../delta-log.ts';
import { parquetIn, remove, restore, warm } from '../folders.ts';
import { deltaRsBase, type Lab, parquetBase, parquetDelta } from '../lab.ts';
import { peer, withPython } from '../peers.ts';

/** What a peer merges, and how its result is compared. */
export interface PeerMerge {
  readonly lab: Lab;
  readonly kind: DeltaKind;
  readonly agree: Agreement;
}

/** delta-rs: MERGE into a table of its own. */
export function mergeOfDeltaRs({ lab, kind, agree }: PeerMerge, codec: 'zstd' | 'snappy'): Contender | Absent {
  const name = codec === 'zstd' ? 'delta-rs MERGE' : 'delta-rs MERGE, snappy';
  return withPython(name, lab.peers, async (python) => {
    const made = await deltaRsBase(lab, codec);
    const delta = await parquetDelta(lab, kind);
    const table = join(lab.work, `merge-${kind}-deltars-${codec}`);
    const job = peer(python, 'merge_deltars.py', table, delta, codec);
    return {
      reset() {
        restore(made, table);
        warm(delta);
      },
      job,
      idle: peer(python, 'merge_deltars.py', made, delta, codec, '--idle'),
      async inspect() {
        await agree('delta', table);
        return lastCommit(table);
      },
    };
  });
}

/** PySpark, reading and writing plain Parquet: `cold` is a process for one job, `warm` the second job of a session. */
export function mergeOfSpark({ lab, kind, agree }: PeerMerge, start: 'cold' | 'warm'): Contender | Absent {
  // Its table and delta are made with the other peers' Python.
  const python = lab.peers.available ? lab.spark : lab.peers;
  return withPython(start === 'cold' ? 'PySpark' : 'PySpark, warm session', python, async (spark) => {
    const made = await parquetBase(lab);
    const delta = await parquetDelta(lab, kind);
    const out = join(lab.work, `merge-${kind}-spark-${start}`);
    const jobs = (count: number) => peer(spark, 'merge_spark.py', made, delta, out, lab.cores, lab.sparkMemory, count);
    return {
      reset() {
        remove(out);
        warm(made);
        warm(delta);
      },
      ...(start === 'cold'
        ? { job: jobs(1), idle: jobs(0) }
        : { job: jobs(2), secondsOf: (stdout: string) => (JSON.parse(stdout) as { seconds: number }).seconds }),
      async inspect() {
        await agree('parquet', out);
        return parquetIn(out);
      },
    };
  });
}

/** DuckDB by itself: the merge without a table around it, or only a copy of all rows. */
export function mergeOfDuckdb({ lab, kind, agree }: PeerMerge, mode: 'merge' | 'copy'): Contender | Absent {
  return withPython(mode === 'copy' ? 'DuckDB, copy of all rows' : 'DuckDB, anti-join', lab.peers, async (python) => {
    const made = await parquetBase(lab);
    const delta = await parquetDelta(lab, kind);
    const out = join(lab.work, `merge-${kind}-duckdb-${mode}`);
    return {
      reset() {
        remove(out);
        warm(made);
        warm(delta);
      },
      job: peer(python, 'merge_duckdb.py', mode, made, delta, out, lab.cores),
      idle: peer(python, 'merge_duckdb.py', 'idle', made, delta, out, lab.cores),
      async inspect() {
        if (mode === 'merge') await agree('parquet', out);
        return parquetIn(out);
      },
    };
  });
}
