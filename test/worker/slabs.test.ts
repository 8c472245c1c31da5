import { expect, test } from 'vitest';
import type { RawBatch } from '../../src/shared/ports/source.ts';
import { createRooms, slabBytesOf, slabsOf } from '../../src/worker/slabs.ts';
import { bson } from './thread/table.ts';

const DOCUMENTS = Array.from({ length: 10 }, (_, _id) => bson({ _id, text: 'x'.repeat(80) }));

/** The documents in batches of three, all in one buffer that each batch overwrites, as a dump's reader does. */
async function* batches(): AsyncGenerator<RawBatch> {
  const shared = Buffer.alloc(1000);
  for (let from = 0; from < DOCUMENTS.length; from += 3) {
    const offsets: number[] = [];
    let at = 7;
    for (const document of DOCUMENTS.slice(from, from + 3)) {
      offsets.push(at);
      at += document.copy(shared, at);
    }
    yield { bytes: shared, offsets, position: from * 1000 };
  }
}

test('a slab holds whole batches of its own bytes, and says how many documents came before', async () => {
  const slabs = [];
  for await (const slab of slabsOf(batches(), 700, createRooms())) slabs.push(slab);
  expect(slabs.map(({ before, batches: own }) => [before, own.length])).toEqual([
    [0, 2],
    [6, 2],
  ]);
  const documents = slabs.flatMap(({ room, batches: own }) => own.map(({ start, end }) => room.subarray(start, end)));
  expect(Buffer.concat(documents).equals(Buffer.concat(DOCUMENTS))).toBe(true);
  expect(slabs.flatMap((slab) => slab.batches.map(({ position }) => position))).toEqual([0, 3000, 6000, 9000]);
});

test('a batch that is larger than a slab is one by itself; a room has place for all of it twice', async () => {
  const rooms = createRooms();
  const seen: (readonly [number, boolean])[] = [];
  for await (const { room, batches: own } of slabsOf(batches(), 10, rooms)) {
    seen.push([own.length, room.length >= 2 * Math.max(...own.map(({ end }) => end))]);
    rooms.give(room);
  }
  expect(seen).toEqual(Array.from({ length: 4 }, () => [1, true]));
});

test('a room that was given back is used again, unless it is too small', () => {
  const rooms = createRooms();
  const room = rooms.take(1000);
  rooms.give(room);
  expect(rooms.take(900)).toBe(room);
  expect(rooms.take(900)).not.toBe(room);
  rooms.give(room);
  const larger = rooms.take(1001);
  expect(larger.length).toBe(2002);
  // The small one is gone: there are never more rooms than were needed at once.
  expect(rooms.take(900)).not.toBe(room);
});

test('no documents are no slab', async () => {
  const none = (async function* (): AsyncGenerator<RawBatch> {
    yield { bytes: Buffer.alloc(0), offsets: [] };
  })();
  for await (const slab of slabsOf(none, 1, createRooms())) expect.fail(`a slab of ${slab.batches.length}`);
});

test('a slab is large enough for its partitions, and bounded by memory', () => {
  const bytes = slabBytesOf(512e6);
  expect(bytes(4)).toBe(8 * 1024 * 1024);
  expect(bytes(256)).toBe(16 * 1024 * 1024);
  expect(bytes(65_536)).toBe(32e6);
  expect(slabBytesOf(1e6)(1024)).toBe(8 * 1024 * 1024);
});
