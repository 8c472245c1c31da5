import { afterAll, beforeAll } from 'vitest';
import type { Services } from '../services/provided.ts';
import { type ConfigChange, type Lake, loadTemplate, openLake } from './lake.ts';
import { type ChaosTable, chaosTable } from './table.ts';

/** The lake of a suite, opened before its tests; what they open of it is closed after them. */
export interface Suite {
  lake(): Lake;
  /** A table that is not there yet. */
  open(name: string, change?: ConfigChange): ChaosTable;
  /** A table that begins as a copy of the template. */
  begin(name: string, change?: ConfigChange): Promise<ChaosTable>;
}

/** To be called within `describe`. */
export function suiteLake(services: Pick<Services, 'redis' | 'mongodb'>): Suite {
  let lake: Lake;
  const tables = new Set<ChaosTable>();
  beforeAll(async () => {
    lake = await openLake(services);
    await loadTemplate(lake);
  });
  afterAll(async () => {
    await Promise.all([...tables].map((table) => table.close()));
    await lake.close();
  });
  const open = (name: string, change?: ConfigChange) => {
    const table = chaosTable(lake, name, change);
    tables.add(table);
    return table;
  };
  return {
    lake: () => lake,
    open,
    async begin(name, change) {
      await lake.begin(name);
      return open(name, change);
    },
  };
}
