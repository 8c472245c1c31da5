import { parquetReadObjects } from 'hyparquet';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';

/** The rows of a table's newest version, by id; its files must be snappy. Fails where an id comes twice. */
export async function tableRows(storage: Storage): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  const rows = new Map<string, Record<string, unknown>>();
  for (const { path } of filesOf(await openState(storage))) {
    const object = await storage.get(path);
    if (object === undefined) throw new Error(`${path} is not there`);
    const file = new Uint8Array(object.body).buffer;
    for (const row of await parquetReadObjects({ file })) {
      const id = String(row._id);
      if (rows.has(id)) throw new Error(`${id} comes twice`);
      rows.set(id, row);
    }
  }
  return rows;
}
