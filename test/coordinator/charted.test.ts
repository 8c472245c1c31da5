import { describe, expect, it } from 'vitest';
import { type ChartedVersion, chartedVersion, rowsByVersion, schemaChanges } from '../../src/coordinator/charted.ts';
import { CONFIGURATION } from '../../src/coordinator/table.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';
import type { Action } from '../../src/shared/domain/delta/actions.ts';

const metaData = (names: readonly string[], configuration: Record<string, string> = {}): Action => ({
  metaData: {
    id: 'm',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields: names.map((name) => ({ name, type: 'string' })) }),
    partitionColumns: [],
    configuration,
  },
});
const charted = (version: number, ...actions: readonly Action[]) => chartedVersion(version, 0, actions);

describe('the digest of an entry', () => {
  it('has the time of its plan and the columns that it brings', () => {
    const info = { commitInfo: { timestamp: 9000, mongolake: { startedAt: 4000 } } };
    expect(charted(3, info, metaData(['_id', 'a']))).toMatchObject({
      version: 3,
      time: 9000,
      startedAt: 4000,
      columns: ['_id string', 'a string'],
    });
    expect(charted(4, { commitInfo: {} })).toMatchObject({ startedAt: undefined, columns: undefined });
  });
});

describe('changes of the schema', () => {
  const newestFirst = [
    charted(6, metaData(['_id', 'b', 'c'])),
    charted(5),
    charted(4, metaData(['_id', 'a', 'b'])),
    charted(3, metaData(['_id', 'a'], { other: 'setting' })),
    charted(2, metaData(['_id', 'a'])),
  ];

  it('are told by version, both ways; a setting is none, and of the oldest nothing is known', () => {
    expect([...schemaChanges(newestFirst, undefined)]).toEqual([
      [4, { added: ['b string'], removed: [] }],
      [6, { added: ['c string'], removed: ['a string'] }],
    ]);
  });

  it('of the oldest it is told where what was before is known', () => {
    expect(schemaChanges(newestFirst, ['_id string']).get(2)).toEqual({ added: ['a string'], removed: [] });
    expect(schemaChanges(newestFirst, ['_id string', 'a string']).has(2)).toBe(false);
  });

  it('the version that makes the table is none, also after a fence that began the log', () => {
    const fence = charted(0, metaData(['_id'], { [CONFIGURATION.pending]: 'true' }));
    expect(schemaChanges([charted(1, metaData(['_id', 'a'])), fence], undefined).size).toBe(0);
  });
});

describe('rows by version', () => {
  const version = (number: number, counts: Partial<ChartedVersion['counts']> | undefined, filesAdded = 1) =>
    ({
      version: number,
      filesAdded,
      filesRemoved: 0,
      counts: counts && { ...NO_COUNTS, ...counts },
    }) as ChartedVersion;

  it('are reckoned back from the newest', () => {
    const versions = [
      version(3, { inserted: 10, updated: 7 }),
      version(2, undefined, 0),
      version(1, { inserted: 5, deleted: 2 }),
      version(0, { inserted: 100 }),
    ];
    expect(Object.fromEntries(rowsByVersion(versions, 113))).toEqual({ 0: 100, 1: 103, 2: 103, 3: 113 });
  });

  it('end at a version that changed files and does not tell how, such as another writer', () => {
    const versions = [version(3, { inserted: 1 }), version(2, undefined), version(1, { inserted: 5 })];
    expect(Object.fromEntries(rowsByVersion(versions, 50))).toEqual({ 2: 49, 3: 50 });
  });

  it('go on from the first version to a restore, which has those of what it restored', () => {
    const restore = { ...version(3, undefined), operation: 'RESTORE', parameters: { version: '1' } };
    const versions = [version(4, { inserted: 1 }), restore, version(2, { deleted: 3 }), version(1, { inserted: 5 })];
    const all = [...versions, version(0, { inserted: 100 })];
    expect(Object.fromEntries(rowsByVersion(all, 106))).toEqual({ 0: 100, 1: 105, 2: 102, 3: 105, 4: 106 });
    expect(Object.fromEntries(rowsByVersion(versions, 106))).toEqual({ 3: 105, 4: 106 });
    // Between two restores only the first one tells.
    const again = { ...version(5, undefined), operation: 'RESTORE', parameters: { version: '0' } };
    expect(rowsByVersion([again, ...all], 100).get(4)).toBe(106);
  });
});
