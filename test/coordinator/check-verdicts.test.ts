import { serialize } from 'bson';
import { describe, expect, it } from 'vitest';
import {
  clockVerdict,
  createIndex,
  cursorVerdict,
  dumpStartVerdict,
  indexVerdict,
  type QueueServer,
  queueVerdicts,
  scratchVerdict,
} from '../../src/coordinator/check-verdicts.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;

describe('index', () => {
  it('is ok where the cursor field is the first of one', () => {
    const indexes = [
      { name: '_id_', fields: ['_id'], sparse: false },
      { name: 'both', fields: ['updateTime', '_id'], sparse: false },
    ];
    expect(indexVerdict(indexes, 'updateTime', 'c')).toMatchObject({ status: 'ok' });
  });

  it('is a warning with the command where it is not', () => {
    const verdict = indexVerdict([{ name: 'both', fields: ['_id', 'updateTime'], sparse: false }], 'updateTime', 'c');
    expect(verdict).toMatchObject({
      status: 'warning',
      hint: 'db.getCollection("c").createIndex({ "updateTime": 1 })',
    });
  });

  it('the command takes any name', () => {
    expect(createIndex('a"b', 'meta.at')).toBe('db.getCollection("a\\"b").createIndex({ "meta.at": 1 })');
  });
});

describe('cursor', () => {
  const at = new Date(now);
  const field = { field: 'meta.at', type: 'date' } as const;
  /** `dated` of ten documents have the date. */
  const sample = (dated: number) =>
    Array.from({ length: 10 }, (_, index) => Buffer.from(serialize({ name: 'x', meta: index < dated ? { at } : {} })));
  const counted = (documents: number, atLeast = false) => ({ documents, atLeast });

  it.each([
    ['ok', sample(10), undefined],
    ['warning', sample(9), undefined],
    ['ok', sample(10), counted(0)],
    // Written or removed since the sample was read: the count of all is the better one.
    ['ok', sample(9), counted(0)],
    ['warning', sample(10), counted(1)],
    ['ok', [], undefined],
  ] as const)('%s', (status, given, without) => {
    expect(cursorVerdict(given, field, without).status).toBe(status);
  });

  it('says how many there are in all, and what to do', () => {
    expect(cursorVerdict(sample(9), field, counted(1_234_567))).toEqual({
      name: 'cursor',
      status: 'warning',
      message: 'meta.at is a date in 9 of 10 sampled documents',
      hint: '1,234,567 documents have no meta.at that is a date, and no sync meets them: set it in every write, or schedule `mongolake backfill`, which reads the whole collection. No other field that tells a time was found.',
    });
    const { hint } = cursorVerdict(sample(10), field, counted(1_000_000, true));
    expect(hint).toMatch(/^at least 1,000,000 documents have no meta\.at/);
    expect(cursorVerdict(sample(10), field, counted(1)).hint).toMatch(/^1 document has no .* meets it:/);
  });

  it('names the type by which the field would be found, or else other fields', () => {
    const wrong = cursorVerdict(sample(9), { ...field, type: 'timestamp' }, undefined);
    expect(wrong).toMatchObject({ message: 'meta.at is a timestamp in 0 of 10 sampled documents' });
    expect(wrong.hint).toContain('With cursorType: date it would be found in 9 of 10.');
    const missing = cursorVerdict(sample(10), { field: 'updateTime', type: 'date' }, undefined);
    expect(missing.hint).toContain('Other fields: meta.at (date).');
  });
});

describe('clock', () => {
  it.each([
    ['ok', now + 2 * MINUTE],
    ['warning', now - 4 * MINUTE],
    ['failed', now + 6 * MINUTE],
    ['ok', undefined],
  ] as const)('%s', (status, serverTime) => {
    expect(clockVerdict(serverTime, now, 5 * MINUTE).status).toBe(status);
  });

  it('a failure is the one that a run would end with', () => {
    expect(clockVerdict(now + 6 * MINUTE, now, 5 * MINUTE)).toMatchObject({ code: 'CLOCK_SKEW' });
  });

  it('of a dump is its start', () => {
    expect(dumpStartVerdict(now - 1, now)).toMatchObject({ status: 'ok' });
    expect(dumpStartVerdict(now + 1, now)).toMatchObject({ status: 'warning' });
    expect(dumpStartVerdict(undefined, now)).toMatchObject({
      status: 'warning',
      hint: expect.stringContaining('startedAt'),
    });
  });
});

describe('Redis', () => {
  const good: QueueServer = {
    flavour: 'redis',
    version: '7.0.15',
    role: 'master',
    maxmemoryPolicy: 'noeviction',
    maxMemoryBytes: 0,
    usedMemoryBytes: 1e6,
    appendonly: true,
  };
  const statuses = (change: Partial<QueueServer>) =>
    queueVerdicts({ ...good, ...change }, 'redis://h:6379').map(({ status }) => status);

  it.each([
    [{}, ['ok', 'ok', 'ok']],
    [{ version: '6.2.0' }, ['ok', 'ok', 'ok']],
    [{ version: '6.0.16' }, ['failed', 'ok', 'ok']],
    [{ version: '5.0.7' }, ['failed', 'ok', 'ok']],
    [{ version: '10.0.0' }, ['ok', 'ok', 'ok']],
    [{ flavour: 'dragonfly', version: '1.30.0' }, ['ok', 'ok', 'ok']],
    [{ role: 'slave' }, ['failed', 'ok', 'ok']],
    [{ maxmemoryPolicy: 'allkeys-lru' }, ['ok', 'failed', 'ok']],
    [{ maxmemoryPolicy: '' }, ['ok', 'warning', 'ok']],
    [{ maxMemoryBytes: 1_050_000 }, ['ok', 'warning', 'ok']],
    [{ maxMemoryBytes: 2e6 }, ['ok', 'ok', 'ok']],
    [{ appendonly: false }, ['ok', 'ok', 'warning']],
  ] as const)('%j', (change, expected) => {
    expect(statuses(change)).toEqual(expected);
  });

  it('a Redis that is not fit is refused, with the remedy', () => {
    const [, eviction] = queueVerdicts({ ...good, maxmemoryPolicy: 'volatile-ttl' }, 'redis://h:6379');
    expect(eviction).toMatchObject({
      code: 'QUEUE_REFUSED',
      hint: expect.stringContaining('maxmemory-policy noeviction'),
    });
  });
});

it('scratch wants three files per merge', () => {
  expect(scratchVerdict('/s', 12e9, 4, 1e9).status).toBe('ok');
  expect(scratchVerdict('/s', 12e9 - 1, 4, 1e9)).toMatchObject({
    status: 'warning',
    message: '/s is writable, 12.0 GB free; 4 merges at once may want 12.0 GB',
  });
});
