import { describe, expect, it } from 'vitest';
import { erasableIds, possibleIdentities } from '../../src/coordinator/erase-ids.ts';
import { besideBounds, mayHold, owningFiles, rebounded, tellsId } from '../../src/coordinator/erase-plan.ts';
import type { IdType } from '../../src/shared/domain/ids.ts';
import type { BaseFile } from '../../src/shared/domain/plan.ts';

const given = (...texts: string[]) => texts.map((text) => ({ text, where: '--id' }));
const idsOf = (idType: IdType, ...texts: string[]) =>
  erasableIds(given(...texts), { schema: { idType, columns: [], extra: null }, columns: undefined }, undefined);

const file = (path: string, lower: string | null, upper: string | null, rows = 5): BaseFile => ({
  path,
  size: 1,
  rows,
  lower,
  upper,
});

describe('ids that are given', () => {
  it('are each taken once, whatever they are written as', () => {
    expect(idsOf('string:objectId', 'AAAAAAAAAAAAAAAAAAAAAAAA', 'aaaaaaaaaaaaaaaaaaaaaaaa', '"x"')).toMatchObject([
      { stored: 'aaaaaaaaaaaaaaaaaaaaaaaa', identity: '{"$oid":"aaaaaaaaaaaaaaaaaaaaaaaa"}' },
      { stored: '"x"', identity: '"x"', forms: ['"x"', 'x'] },
    ]);
    expect(idsOf('long', '-7')).toMatchObject([{ stored: '-7', forms: ['{"$numberLong":"-7"}', '-7'] }]);
  });

  it('may be in EJSON, also where the table writes them bare', () => {
    expect(idsOf('string:string', '" a"', 'b')).toMatchObject([{ stored: ' a' }, { stored: 'b' }]);
    expect(idsOf('long', '{"$numberLong":"5"}')).toMatchObject([{ stored: '5' }]);
    expect(idsOf('string:objectId', '{"$oid":"aaaaaaaaaaaaaaaaaaaaaaaa"}')).toMatchObject([
      { stored: 'aaaaaaaaaaaaaaaaaaaaaaaa' },
    ]);
  });

  it('of whatever type have the identity that their bare text may have', () => {
    expect(possibleIdentities('5')).toEqual(['{"$numberLong":"5"}', '"5"']);
    const hex = 'a'.repeat(24);
    expect(possibleIdentities(hex)).toEqual([`{"$oid":"${hex}"}`, `"${hex}"`]);
    expect(possibleIdentities('{"a":1}')).toEqual(['{"a":1}']);
  });

  it.each<[IdType, string]>([
    ['long', '"x"'],
    ['long', 'x'],
    ['long', '1.5'],
    ['long', '007'],
    ['long', '9223372036854775808'],
    ['string:objectId', 'abc'],
    ['string:uuid', 'abc'],
    ['string:string', '{"a":'],
    ['string:string', '{"$numberLong":"x"}'],
  ])('of a table of %s are refused by their place: %s', (idType, text) => {
    expect(() => idsOf(idType, text)).toThrow(`--id: ${text} is no id`);
  });
});

describe('where an id may be', () => {
  const files = new Map(
    [0, 1].map((partition) => [partition, [file(`${partition}a`, null, '50'), file(`${partition}b`, '50', null)]]),
  );
  const state = { files, partitions: 2, schema: { idType: 'long', columns: [], extra: null } } as const;

  it('in a version: the file whose range it falls into', () => {
    const owners = ['49', '50', '51'].map((text) => [...owningFiles(state, idsOf('long', text)).keys()][0]?.[1]);
    expect(owners).toEqual(['a', 'b', 'b']);
    expect(owningFiles({ ...state, files: new Map() }, idsOf('long', '1')).size).toBe(0);
  });

  it('in files of any version: the partitions that its hash has had, however many there were', () => {
    const ids = idsOf('long', '12345');
    const hash = ids[0]?.hashes[0] ?? 0;
    const hashes = [1, 2, 4, 8, 16, 32, 64].map((partitions) => (hash >>> 0) & (partitions - 1));
    const may = Array.from({ length: 64 }, (_, partition) => partition).filter((one) => mayHold(one, ids));
    for (const partition of hashes) expect(may).toContain(partition);
    expect(may.length).toBeLessThanOrEqual(7);
    expect(mayHold(null, ids)).toBe(true);
  });
});

describe('bounds that tell an id', () => {
  it('are the id, or of texts how it begins', () => {
    expect([tellsId('12', 'long', [{ stored: '12' }]), tellsId('1', 'long', [{ stored: '12' }])]).toEqual([
      true,
      false,
    ]);
    expect(tellsId('ab', 'string:string', [{ stored: 'abc' }])).toBe(true);
    expect([tellsId('abd', 'string:string', [{ stored: 'abc' }]), tellsId(null, 'long', [])]).toEqual([false, false]);
  });

  const ends = new Map([
    ['a', { first: '1', last: '8' }],
    ['b', { first: '12', last: '19' }],
    ['c', { first: '25', last: '30' }],
    ['empty', { first: null, last: null }],
  ]);
  const part = (files: readonly BaseFile[], ...stored: string[]) =>
    rebounded(
      files,
      'long',
      stored.map((one) => ({ stored: one })),
      ({ path }) => ends.get(path),
    );
  const ranges = ({ files }: { readonly files: readonly BaseFile[] }) =>
    files.map(({ path, lower, upper }) => `${path} ${lower}-${upper}`);

  it('are replaced by ids that are still there; others stay', () => {
    const files = [file('a', null, '10'), file('b', '10', '20'), file('c', '20', null)];
    expect(ranges(part(files, '10'))).toEqual(['a null-12', 'b 12-20', 'c 20-null']);
    expect(ranges(part(files, '10', '20'))).toEqual(['a null-12', 'b 12-25', 'c 25-null']);
    expect(part(files, '11')).toEqual({ files, dropped: [] });
    expect(besideBounds(files, 'long', [{ stored: '20' }]).map(({ path }) => path)).toEqual(['b', 'c']);
    expect(besideBounds(files, 'long', [{ stored: '11' }])).toEqual([]);
  });

  it('go with a file that has no row: its range is a neighbour’s', () => {
    const middle = [file('a', null, '10'), file('empty', '10', '20', 0), file('c', '20', null)];
    expect(ranges(part(middle, '10'))).toEqual(['a null-20', 'c 20-null']);
    expect(ranges(part(middle, '20'))).toEqual(['a null-10', 'c 10-null']);
    expect(ranges(part(middle, '10', '20'))).toEqual(['a null-25', 'c 25-null']);
    expect(part(middle, '10').dropped.map(({ path }) => path)).toEqual(['empty']);
    const first = [file('empty', null, '10', 0), file('b', '10', null)];
    expect(ranges(part(first, '10'))).toEqual(['b null-null']);
  });

  it('of texts are no erased id as a whole, though a text that is there begins with it', () => {
    const files = [file('x', null, 'abc'), file('y', 'abc', null)];
    const own = new Map([
      ['x', { first: 'aaa', last: 'abb' }],
      ['y', { first: 'abcd', last: 'b' }],
    ]);
    const parted = rebounded(files, 'string:string', [{ stored: 'abc' }], ({ path }) => own.get(path));
    expect(ranges(parted)).toEqual(['x null-abcd', 'y abcd-null']);
  });
});
