import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { versionNumber, words } from '../../src/cli/arguments.ts';

const read = (line: string) => words(line.split(' ')).join(' ');

describe('words', () => {
  it.each([
    ['--version', '-V'],
    ['-c x.yaml --version', '-c x.yaml -V'],
    ['--version files', '-V files'],
    ['sync --version', 'sync -V'],
    ['files --version 3 --json', 'files --version 3 --json'],
    ['--json restore guest --version 3', '--json restore guest --version 3'],
    ['schema --version 3 --config', 'schema --version 3 --of-config'],
    ['schema --config x.yaml', 'schema --config x.yaml'],
    ['sync --config', 'sync --config'],
  ])('%s is %s', (line, expected) => {
    expect(read(line)).toBe(expected);
  });
});

describe('the number of a version', () => {
  it('is whole, from 0', () => {
    expect(['0', '17'].map(versionNumber)).toEqual([0, 17]);
    for (const text of ['', '-1', '1.5', 'x', '1e3', '9999999999999999'])
      expect(() => versionNumber(text), text).toThrow(InvalidArgumentError);
  });
});
