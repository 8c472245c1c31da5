import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chanceOf } from './chance.ts';
import { drawOptions } from './options.ts';
import { createTimeline } from './timeline.ts';

test('events come in the order of their moments, then of their planning, and none that was cancelled', async () => {
  const timeline = createTimeline();
  const seen: string[] = [];
  const note = (what: string) => () => seen.push(`${timeline.now} ${what}`);
  timeline.after(20, note('c'));
  timeline.after(10, note('a'));
  timeline.after(15, note('never')).cancel();
  timeline.after(10, () => {
    note('b')();
    timeline.after(5, note('b2'));
  });
  while (await timeline.step());
  expect(seen).toEqual(['10 a', '10 b', '15 b2', '20 c']);
});

test('thousands of events in any order come sorted', async () => {
  const timeline = createTimeline();
  const chance = chanceOf(1, 'events');
  const seen: number[] = [];
  for (let i = 0; i < 2_000; i++) timeline.after(chance.integer(0, 500), () => seen.push(timeline.now));
  while (await timeline.step());
  expect(seen).toHaveLength(2_000);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});

test('what an event wakes has come to rest before the next one, also where it uses the disk', async () => {
  const timeline = createTimeline();
  const path = join(tmpdir(), `mongolake-timeline-${process.pid}`);
  const seen: string[] = [];
  const useDisk = async () => {
    const file = await open(path, 'w');
    await file.writeFile('text');
    await file.close();
    seen.push(await readFile(path, 'utf8'));
    await rm(path);
  };
  timeline.after(1, () => void useDisk().then(() => seen.push('rested')));
  timeline.after(1, () => seen.push('next'));
  while (await timeline.step());
  expect(seen).toEqual(['text', 'rested', 'next']);
});

test('a seed and a name decide a stream of chance; other names are other streams', () => {
  const draws = (seed: number, name: string) => {
    const chance = chanceOf(seed, name);
    return Array.from({ length: 5 }, () => chance.next());
  };
  expect(draws(1, 'a')).toEqual(draws(1, 'a'));
  expect(draws(1, 'a')).not.toEqual(draws(1, 'b'));
  expect(draws(1, 'a')).not.toEqual(draws(2, 'a'));
  const chance = chanceOf(1, 'even');
  const sum = Array.from({ length: 10_000 }, () => chance.integer(0, 9)).reduce((a, b) => a + b, 0);
  expect(sum / 10_000).toBeGreaterThan(4.4);
  expect(sum / 10_000).toBeLessThan(4.6);
});

test('a fault that is left out leaves all else that was drawn as it was', () => {
  const { faults, ...drawn } = drawOptions(7);
  const { faults: fewer, ...again } = drawOptions(7, { without: ['crash'] });
  expect(again).toEqual(drawn);
  expect(fewer).toEqual({ ...faults, crash: 0 });
});
