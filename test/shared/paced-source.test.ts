import { serialize } from 'bson';
import { describe, expect, test } from 'vitest';
import type { ExtractRange } from '../../src/shared/domain/job.ts';
import { pacedSource } from '../../src/shared/paced-source.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import { instantClock } from '../contracts/source-clock.ts';
import { split } from '../contracts/source-documents.ts';
import { fakeClock } from '../coordinator/fake-clock.ts';

const RANGE: ExtractRange = { scope: { kind: 'full' }, part: null };
const documents = Array.from({ length: 100 }, (_, n) => Buffer.from(serialize({ _id: n })));
const length = documents[0]?.length ?? 0;

/** A dump that gives its documents in batches of so many, and tells what it was asked for. */
function source(size: number) {
  const asked: (number | undefined)[] = [];
  const read: Source['read'] = async function* (_range, _signal, _projection, most) {
    asked.push(most);
    for (let from = 0; from < documents.length; from += size) {
      const some = documents.slice(from, from + size);
      yield { bytes: Buffer.concat(some), offsets: some.map((_, n) => n * length), position: 1000 + from * length };
    }
  };
  return { asked, source: { read } as Source };
}

test('without a limit it is the source itself', () => {
  const plain = source(10).source;
  expect(pacedSource(plain, undefined, instantClock())).toBe(plain);
});

describe('with a limit', () => {
  test.each([
    [50, 20],
    [20, 33],
    [7, 100],
    [0.5, 3],
    [1e6, 40],
  ])('of %d documents a second it gives no more, and no fewer, of batches of %i', async (rate, size) => {
    const clock = instantClock();
    let given = 0;
    for await (const { offsets } of pacedSource(source(size).source, rate, clock).read(RANGE)) {
      expect(given).toBeLessThanOrEqual((rate * clock.monotonic()) / 1000 + 1e-6);
      expect(offsets.length).toBeLessThanOrEqual(Math.max(1, rate));
      given += offsets.length;
    }
    expect(given).toBe(100);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(((100 - Math.max(1, rate)) / rate) * 1000 - 1e-6);
    expect(clock.monotonic()).toBeLessThanOrEqual((100 / rate) * 1000);
  });

  test('every document comes as it was, and with its place', async () => {
    const read: Buffer[] = [];
    for await (const batch of pacedSource(source(33).source, 10, instantClock()).read(RANGE)) {
      expect(batch.position).toBe(1000 + read.length * length);
      read.push(...split(batch));
    }
    expect(read).toEqual(documents);
  });

  test('the server is asked for one second’s documents at once', async () => {
    const asked = async (rate: number, most?: number) => {
      const inner = source(100);
      for await (const _ of pacedSource(inner.source, rate, instantClock()).read(RANGE, undefined, undefined, most));
      return inner.asked[0];
    };
    expect(await asked(25)).toBe(25);
    expect(await asked(0.25)).toBe(1);
    expect(await asked(25, 10)).toBe(10);
  });

  test('what a slow reader lost it may make up for by a second’s documents, no more', async () => {
    const clock = fakeClock(0);
    const times: number[] = [];
    const reading = (async () => {
      for await (const _ of pacedSource(source(10).source, 10, clock).read(RANGE)) {
        times.push(clock.monotonic());
        if (times.length === 1) await clock.sleep(60_000);
      }
    })();
    await clock.advance(100_000);
    await reading;
    expect(times.slice(0, 5)).toEqual([0, 60_000, 60_000, 61_000, 62_000]);
  });

  test('an abort ends the waiting at once', async () => {
    const clock = fakeClock(0);
    const stop = new AbortController();
    const batches = pacedSource(source(10).source, 1, clock).read(RANGE, stop.signal)[Symbol.asyncIterator]();
    await batches.next();
    const second = batches.next().catch((error: unknown) => error);
    await clock.advance(500);
    stop.abort(new Error('enough'));
    expect(await second).toEqual(new Error('enough'));
  });
});
