import { Long, ObjectId } from 'bson';
import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { findIds } from '../../../src/worker/thread/find.ts';
import { bson, deletion, type LocalTable, localTable } from './table.ts';

let table: LocalTable | undefined;
afterEach(() => table?.remove());

const updateTime = new Date(1000);
const documents = (...ids: unknown[]) => ids.map((_id) => bson({ _id, updateTime }));

describe.each(ENGINES)('ids that are looked for in a file, by %s', (engine) => {
  const find = (ids: readonly string[], schema = table?.schema()) => {
    const [file] = table?.files() ?? [];
    if (file === undefined || schema === undefined) throw new Error('there is no file');
    return findIds(engine, { path: file.path, schema, ids, memoryBytes: 100e6, scratch: table?.folder ?? '' });
  };

  it('are found where they have a row, also integers beyond 2^53', async () => {
    table = localTable(engine);
    await table.sync([documents(5, -3, Long.MAX_VALUE)]);
    const { ids, ...ends } = await find(['5', '6', '9223372036854775807', 'x']);
    expect([...ids].sort()).toEqual(['5', '9223372036854775807']);
    expect(ends).toEqual({ first: '-3', last: '9223372036854775807' });
  });

  it('are found whatever text they are', async () => {
    table = localTable(engine);
    const texts = ['plain', "it's", '\uFEFFmark', 'nul\0', '😀', '{"quoted":1}', 'ü'.repeat(3000)];
    const id = new ObjectId();
    await table.sync([documents(...texts, id)]);
    const stored = [...texts.slice(0, 5), JSON.stringify(texts[5]), texts[6] ?? '', `{"$oid":"${id.toHexString()}"}`];
    const wanted = [...stored, 'plai', 'mark', 'Plain', id.toHexString()];
    expect([...(await find(wanted)).ids].sort()).toEqual([...stored].sort());
  });

  it('are many, or none', async () => {
    table = localTable(engine);
    await table.sync([documents(...Array.from({ length: 3000 }, (_, n) => n * 2))]);
    const all = Array.from({ length: 6000 }, (_, n) => String(n));
    expect((await find(all)).ids).toHaveLength(3000);
    expect(await find([])).toEqual({ ids: [], first: '0', last: '5998' });
  });

  it('of a file without rows are none, and it has no ends', async () => {
    table = localTable(engine);
    await table.sync([documents(1, 2)]);
    await table.sync([[deletion({ _id: 1 }), deletion({ _id: 2 })]]);
    expect(await find(['1'])).toEqual({ ids: [], first: null, last: null });
  });
});
