import { mkdirSync } from 'node:fs';
import type { DuckDBBlobValue, DuckDBConnection } from '@duckdb/node-api';
import { bufferOf } from '../../shared/domain/buffers.ts';
import { partitionOf } from '../../shared/domain/hash.ts';
import { storedIdHash } from '../../shared/domain/ids.ts';
import { ID_COLUMN } from '../../shared/domain/schema.ts';
import { BIGINT, BLOB, DuckDBScalarFunction, INTEGER } from './duckdb.ts';
import type { RewriteOutcome, RewriteTask, RewrittenFile } from './engine.ts';
import { storedRowBytes } from './memory.ts';
import { mayHoldMinusZero } from './minus-zero.ts';
import { selectFile } from './select-file.ts';
import { name } from './sql.ts';
import { listen } from './stop.ts';
import { writeFirst } from './write.ts';

/** Writes all rows of a group of partitions anew, those of each new partition sorted by id, as if they were loaded for the first time. */
export async function rewriteGroup(
  connection: DuckDBConnection,
  task: RewriteTask,
  signal: AbortSignal | undefined,
): Promise<RewriteOutcome> {
  if (task.base.length === 0) return { added: [], rows: 0 };
  const selects: string[] = [];
  let minusZero = false;
  for (const { path } of task.base) {
    selects.push(await selectFile(connection, task.schema, path));
    minusZero ||= await mayHoldMinusZero(connection, path);
    await listen(signal);
  }
  const rowBytes = await storedRowBytes(
    connection,
    task.base.map(({ path }) => path),
  );
  const added: RewrittenFile[] = [];
  for (const { partition, rows } of await parted(connection, task, `(${selects.join(' UNION ALL ')})`)) {
    const scratch = `${task.scratch}/partition-${partition}`;
    mkdirSync(scratch);
    const files = await writeFirst(
      connection,
      { ...task, scratch },
      { query: rows, isSorted: false, minusZero, rowBytes },
    );
    added.push(...files.map((file) => ({ ...file, partition })));
    await listen(signal);
  }
  return { added, rows: added.reduce((sum, file) => sum + file.rows, 0) };
}

interface Parted {
  readonly partition: number;
  /** A query in brackets. */
  readonly rows: string;
}

/** The rows of each partition that has some. Where there are several, the table `places` tells which id goes where: it is hashed once. */
async function parted(connection: DuckDBConnection, task: RewriteTask, rows: string): Promise<readonly Parted[]> {
  const [first = 0, ...others] = task.into.partitions;
  if (others.length === 0) return [{ partition: first, rows }];
  const id = name(ID_COLUMN);
  connection.registerScalarFunction(partitionFunction(task));
  // As a string, DuckDB's binding would drop a byte order mark at the start of an id.
  const stored = task.schema.idType === 'long' ? id : `encode(${id})`;
  await connection.run(`CREATE TABLE places AS SELECT ${id}, ${PARTITION_OF}(${stored}) AS partition FROM ${rows}`);
  const found = await connection.runAndReadAll('SELECT DISTINCT partition FROM places ORDER BY partition');
  return found.getRows().map(([value]) => {
    const partition = Number(value);
    const ids = `SELECT ${id} FROM places WHERE partition = ${partition}`;
    return { partition, rows: `(SELECT * FROM ${rows} WHERE ${id} IN (${ids}))` };
  });
}

const PARTITION_OF = 'mongolake_partition_of';

/** The partition of an id as it is stored, for SQL: of a BIGINT, or of the UTF-8 of a text. */
function partitionFunction({ schema: { idType }, into }: RewriteTask): InstanceType<typeof DuckDBScalarFunction> {
  const stored = (value: unknown): bigint | Buffer =>
    typeof value === 'bigint' ? value : bufferOf((value as DuckDBBlobValue).bytes);
  return DuckDBScalarFunction.create({
    name: PARTITION_OF,
    parameterTypes: [idType === 'long' ? BIGINT : BLOB],
    returnType: INTEGER,
    mainFunction(_info, input, output) {
      const ids = input.getColumnVector(0);
      for (let i = 0; i < input.rowCount; i++)
        output.setItem(i, partitionOf(storedIdHash(stored(ids.getItem(i)), idType), into.of));
      output.flush();
    },
  });
}
