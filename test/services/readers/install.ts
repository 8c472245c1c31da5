import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cached, fingerprint } from '../cache.ts';
import { findOnPath, runCommand } from '../command.ts';
import { installPython } from '../python.ts';
import { orUnavailable, type Started, unavailable } from '../result.ts';

/** A Python that can run read.py for some engines. */
export interface ReaderPython {
  readonly available: true;
  /** Path of the interpreter in its virtual environment. */
  readonly python: string;
  /** What read.py wants in its environment for these engines. */
  readonly env: Readonly<Record<string, string>>;
}

const READERS = [
  'duckdb==1.5.5',
  'duckdb-extension-delta==1.5.5',
  'duckdb-extension-httpfs==1.5.5',
  'deltalake==1.6.6',
  'polars==2.1.0',
  'pyarrow==26.0.1',
];
const SPARK = ['pyspark==3.5.9', 'pyarrow==26.0.1'];
const SPARK_JARS = ['io.delta:delta-spark_2.12:3.3.2', 'io.delta:delta-storage:3.3.2'];
const MAVEN_MS = 10 * 60_000;

/** Python with DuckDB's delta extension, delta-rs and Polars: engines duckdb, deltars, polars. Installed once (about 15 s). */
export async function prepareReaders(): Promise<Started<ReaderPython>> {
  return orUnavailable('Python readers', async () => {
    const folder = await cached({
      name: `readers-${fingerprint(READERS)}`,
      check: join('bin', 'python'),
      build: (into) => installPython(into, READERS),
    });
    return { available: true, python: join(folder, 'bin', 'python'), env: {} };
  });
}

/** Python with Spark 3.5 and Delta Lake's jars: engine spark. Installed once (about a minute, 550 MB); needs Java and Maven. */
export async function prepareSpark(): Promise<Started<ReaderPython>> {
  return orUnavailable('Spark reader', async () => {
    if (!findJava())
      return unavailable('java (8, 11 or 17, for Spark 3.5) is not on the PATH and JAVA_HOME is not set');
    const folder = await cached({
      name: `spark-${fingerprint([...SPARK, ...SPARK_JARS])}`,
      check: join('bin', 'python'),
      build: async (into) => {
        await fetchJars(join(into, 'jars'));
        await installPython(into, SPARK);
      },
    });
    const jars = join(folder, 'jars');
    const paths = readdirSync(jars).map((name) => join(jars, name));
    const env = { MONGOLAKE_TEST_SPARK_JARS: paths.join(','), TZ: 'UTC' };
    return { available: true, python: join(folder, 'bin', 'python'), env };
  });
}

function findJava(): boolean {
  const home = process.env.JAVA_HOME;
  if (!home) return findOnPath('java') !== undefined;
  try {
    accessSync(join(home, 'bin', 'java'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function fetchJars(into: string): Promise<void> {
  const mvn = findOnPath('mvn');
  if (!mvn) throw new Error('mvn (to fetch the jars of Delta Lake) is not on the PATH');
  for (const artifact of SPARK_JARS) {
    const settings = [`-Dartifact=${artifact}`, `-DoutputDirectory=${into}`];
    await runCommand(mvn, ['-q', '-B', 'dependency:copy', ...settings], { cwd: '/', deadlineMs: MAVEN_MS });
  }
}
