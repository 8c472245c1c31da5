import type { FindTask, FoundIds } from './engine.ts';
import { rowGroups } from './parquetjs-read.ts';
import type { Value } from './rows.ts';

/** `Engine.find`: files are sorted by id. */
export async function findInRows({ path, schema, ids }: FindTask): Promise<FoundIds> {
  const wanted = new Set(ids);
  const found = new Set<string>();
  let [first, last]: (string | null)[] = [null, null];
  for await (const group of rowGroups(path, schema)) {
    for (const value of await group.ids()) {
      const id = textOf(value);
      first ??= id;
      last = id;
      if (wanted.has(id)) found.add(id);
    }
  }
  return { ids: [...found].sort(), first: first ?? null, last: last ?? null };
}

function textOf(id: Value): string {
  return Buffer.isBuffer(id) ? id.toString('utf8') : String(id);
}
