import { Decimal128, Double, Int32, Long, serialize } from 'bson';
import { describe, expect, it } from 'vitest';
import {
  deletedReader,
  flipDeletion,
  isDeletionAt,
  lengthAt,
  takeDeletion,
} from '../../../src/shared/domain/deletion.ts';
import { bson } from '../../worker/thread/table.ts';

describe('a deletion', () => {
  it('is a document whose length is negative, and becomes that document again', () => {
    const document = bson({ _id: 1, a: 'x' });
    const both = Buffer.concat([document, document]);
    flipDeletion(both, document.length);
    expect([lengthAt(both, 0), lengthAt(both, document.length)]).toEqual([document.length, document.length]);
    expect([isDeletionAt(both, 0), isDeletionAt(both, document.length)]).toEqual([false, true]);
    expect([takeDeletion(both, 0), takeDeletion(both, document.length)]).toEqual([false, true]);
    expect(both.equals(Buffer.concat([document, document]))).toBe(true);
    expect(takeDeletion(both, document.length)).toBe(false);
  });
});

describe('a document that says it is deleted', () => {
  const says = (fields: object, field = 'gone') => {
    const bytes = Buffer.from(serialize({ _id: 1, ...fields }, { ignoreUndefined: false }));
    return deletedReader(field)(bytes, 0);
  };

  it.each([
    ['true', { gone: true }],
    ['a time', { gone: new Date(0) }],
    ['a number', { gone: new Int32(-1) }],
    ['NaN', { gone: new Double(Number.NaN) }],
    ['a text, though empty', { gone: '' }],
    ['an object', { gone: {} }],
  ])('by %s', (_, fields) => {
    expect(says(fields)).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['null', { gone: null }],
    ['undefined', { gone: undefined }],
    ['false', { gone: false }],
    ['0', { gone: new Int32(0) }],
    ['0L', { gone: Long.ZERO }],
    ['-0.0', { gone: new Double(-0) }],
    ['0E3', { gone: Decimal128.fromString('0E3') }],
    ['the field of another level', { meta: { gone: true } }],
  ])('not by %s', (_, fields) => {
    expect(says(fields)).toBe(false);
  });

  it('within an object, and by no field', () => {
    expect(says({ meta: { gone: true } }, 'meta.gone')).toBe(true);
    expect(says({ meta: [{ gone: true }] }, 'meta.gone')).toBe(false);
    expect(deletedReader(undefined)(bson({ _id: 1, deletedAt: true }), 0)).toBe(false);
  });
});
