import { expect, it } from 'vitest';
import { commitOf, parseEntry } from '../../bench/delta-log.ts';

it('the newest version of a log tells which files it wrote, replaced and kept', () => {
  const first = parseEntry(
    '{"commitInfo":{}}\n{"add":{"path":"a","size":10}}\n{"add":{"path":"b","size":20}}\n{"add":{"path":"c","size":30}}\n',
  );
  const second = parseEntry('{"remove":{"path":"a"}}\n{"add":{"path":"d","size":5}}');
  const third = parseEntry('{"remove":{"path":"b"}}\n{"remove":{"path":"d"}}\n{"add":{"path":"e","size":26}}');
  expect(commitOf([first, second, third])).toEqual({
    filesWritten: 1,
    bytesWritten: 26,
    bytesReplaced: 25,
    filesKept: 1,
  });
});
