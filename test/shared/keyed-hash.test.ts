import { readFileSync } from 'node:fs';
import { ObjectId } from 'bson';
import { expect, test } from 'vitest';
import { createCut } from '../../src/shared/domain/cut.ts';
import { keyedHash } from '../../src/shared/keyed-hash.ts';
import { bson } from './domain/bson-bytes.ts';

const PAGE = readFileSync(new URL('../../docs/columns.md', import.meta.url), 'utf8');
/** Of the page's examples, whose hashes were made by openssl and Python. */
const KEY = /-hmac '(\w+)'/.exec(PAGE)?.[1] ?? '';

test.each([
  ['ann@example.com', '093e3dd9df951c5008225d533a0175475075f7551ed269c5e61fa29bc2819ae4'],
  [new ObjectId('0123456789abcdef01234567'), '57e75982a3d3fbc8f3de45230d42e01175a1369152b35e21b6e27adfd59635bd'],
  [42, 'ff25f7b75fb75c6c046cbc34f489e8b32b311a3a9f399b5a36aebab3018fbdf4'],
])('the documentation’s hash of %s', (value, hash) => {
  const cut = createCut({ hash: ['a'] }, 'updateTime', keyedHash(KEY).hash);
  expect(cut(bson({ a: value }), 0)).toEqual(bson({ a: hash }));
  expect(PAGE).toContain(`\`${hash}\``);
});

test('a fingerprint tells keys apart and is no hash of a value', () => {
  expect(keyedHash(KEY).fingerprint).toBe('a5a5fd3863c5bbb8');
  expect(keyedHash(`${KEY}.`).fingerprint).not.toBe(keyedHash(KEY).fingerprint);
});
