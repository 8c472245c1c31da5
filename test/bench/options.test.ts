import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/options.ts';

const KNOWN = ['merge', 'load', 'empty'];

describe('the options of the bench', () => {
  it('are the full run unless told otherwise', () => {
    expect(parseOptions([], KNOWN)).toEqual({
      scenarios: KNOWN,
      rows: 4_000_000,
      documents: 2_000_000,
      rounds: 5,
      seed: 1,
      out: 'bench/results',
    });
  });

  it('are smaller with --quick, and each can be given by itself', () => {
    expect(parseOptions(['--quick', '--rows', '5000', '--seed', '0'], KNOWN)).toMatchObject({
      rows: 5000,
      documents: 200_000,
      rounds: 3,
      seed: 0,
    });
  });

  it('keep the order of the scenarios, whatever that of --only', () => {
    expect(parseOptions(['--only', 'empty, merge'], KNOWN)?.scenarios).toEqual(['merge', 'empty']);
  });

  it('are none where help is asked for', () => {
    expect(parseOptions(['--help'], KNOWN)).toBeUndefined();
  });

  it.each([
    [['--only', 'merge,lod'], '--only: there is no scenario lod; there are merge, load, empty'],
    [['--rows', '4e6'], '--rows: 4e6 is no whole number from 1000 to 16777216'],
    [['--rows', '20000000'], '--rows: 20000000 is no whole number from 1000 to 16777216'],
    [['--rounds', '0'], '--rounds: 0 is no whole number from 1 to 100'],
    [['--fast'], '--fast'],
  ])('that are wrong are named: %j', (args, message) => {
    expect(() => parseOptions(args, KNOWN)).toThrow(message);
  });
});
