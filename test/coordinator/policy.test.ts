import { describe, expect, it } from 'vitest';
import { checkPolicy } from '../../src/coordinator/policy.ts';
import type { TablePolicy } from '../../src/shared/domain/policy.ts';
import type { TableSchema } from '../../src/shared/domain/schema.ts';

const schema: TableSchema = {
  idType: 'long',
  columns: [
    { name: 'a', source: 'a', type: { kind: 'string' } },
    {
      name: 'l',
      source: 'l',
      type: {
        kind: 'array',
        element: { kind: 'struct', fields: [{ name: 'b', source: 'b', type: { kind: 'long' } }] },
      },
    },
  ],
  extra: null,
};
const refusal = (columns: TablePolicy | undefined, configured: TablePolicy | undefined, rereads = false) => {
  try {
    checkPolicy({ schema, columns }, configured, rereads, 'file:/lake');
    return 'none';
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string };
    return `${code} ${message} → ${hint}`;
  }
};

describe('a policy that is not the table’s', () => {
  it.each([
    ['a first one', undefined, { exclude: ['x'] }, '(columns.exclude)'],
    ['none any more', { exclude: ['x'] }, undefined, '(columns.exclude)'],
    ['another key', { hash: ['x'], key: '1' }, { hash: ['x'], key: '2' }, '(hashKey)'],
    ['a new name for what is not there yet', undefined, { rename: { x: 'y' } }, '(columns.rename)'],
  ])('%s: a sync is refused, a backfill takes it', (_, known, configured, told) => {
    const message = refusal(known, configured);
    expect(message).toContain(
      `TABLE_POLICY file:/lake was loaded with another column policy than columns now says ${told}`,
    );
    expect(message).toContain('→ Run `mongolake backfill` once');
    expect(refusal(known, configured, true)).toBe('none');
  });

  it.each([
    ['ids hashed from now on', undefined, { hash: ['_id'], key: '1' }],
    ['ids no longer hashed', { hash: ['_id'], key: '1' }, undefined],
    ['ids hashed by another key', { hash: ['_id'], key: '1' }, { hash: ['_id'], key: '2' }],
    ['another name for a column', undefined, { rename: { a: 'x' } }],
    ['its old name for a column', { rename: { 'l.b': 'x' } }, { rename: { 'l.b': 'y' } }],
  ])('%s: a new table only', (_, known, configured) => {
    expect(refusal(known, configured, true)).toMatch(/^TABLE_POLICY .* → A table keeps its ids and the names/);
    expect(refusal(known, configured)).toMatch(/^TABLE_POLICY .* → A table keeps its ids and the names/);
  });

  it.each([[undefined], [{ hash: ['x'], key: '1' }]])('the same is taken: %j', (policy) => {
    expect(refusal(policy, policy && { ...policy })).toBe('none');
  });
});
