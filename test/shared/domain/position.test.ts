import { Timestamp } from 'bson';
import { describe, expect, it } from 'vitest';
import {
  isBefore,
  laterPosition,
  nextPosition,
  positionBits,
  positionOf,
  positionTime,
  positionTimeOrNull,
} from '../../../src/shared/domain/position.ts';

const SECOND = Date.parse('2026-12-01T10:00:00Z') / 1000;

function at(seconds: number, counter: number) {
  return positionOf(new Timestamp({ t: seconds, i: counter }).toBigInt());
}

describe('a place in a change stream', () => {
  it('is the digits of a BSON timestamp, exactly', () => {
    expect(at(SECOND, 7)).toBe(String((BigInt(SECOND) << 32n) + 7n));
    expect(positionBits(at(SECOND, 7)) & 0xffff_ffffn).toBe(7n);
  });

  it('tells its second', () => {
    expect(positionTime(at(SECOND, 7))).toBe(SECOND * 1000);
    expect(positionTimeOrNull(null)).toBeNull();
  });

  it('is ordered by all of its bits, not as text and not as a number', () => {
    expect(isBefore(at(SECOND, 7), nextPosition(at(SECOND, 7)))).toBe(true);
    expect(isBefore(nextPosition(at(SECOND, 7)), at(SECOND, 7))).toBe(false);
    expect(isBefore(positionOf(9n), positionOf(10n))).toBe(true);
    expect(isBefore(at(SECOND, 7), at(SECOND, 7))).toBe(false);
  });

  it('the later of two, of which one may be none', () => {
    expect(laterPosition(at(SECOND, 7), at(SECOND + 1, 1))).toBe(at(SECOND + 1, 1));
    expect(laterPosition(at(SECOND + 1, 1), at(SECOND, 7))).toBe(at(SECOND + 1, 1));
    expect(laterPosition(null, at(SECOND, 7))).toBe(at(SECOND, 7));
    expect(laterPosition(at(SECOND, 7), null)).toBe(at(SECOND, 7));
    expect(laterPosition(null, null)).toBeNull();
  });
});
