import { expect, test } from 'vitest';
import type { Verification } from '../../src/coordinator/verification.ts';
import type { Verified } from '../../src/coordinator/verify.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { RESULT, VERIFIED } from './daemon-house.ts';
import { settle } from './fake-clock.ts';
import { freshness, observation, result } from './observation.ts';

const NEVER = new AbortController().signal;

test('freshness is known before the first run, and asked for only until it is', async () => {
  const { told, table, resolve } = observation();
  let asked = 0;
  table(
    'guest.a',
    async () => result(4, 990),
    async () => {
      if (asked++ === 0) throw new MongolakeError('STORE_UNREACHABLE', 'away');
      return freshness(500);
    },
  );
  await resolve();
  expect(told.splice(0)).toEqual(['tables guest.a']);
  await resolve();
  expect(told.splice(0)).toEqual(['tables guest.a', 'fresh guest.a 500 495']);
  await resolve();
  expect(asked).toBe(2);
});

test.each([
  [4, 'committed'],
  [null, 'unchanged'],
] as const)('a run that ends well at version %s is %s, and the table is fresh', async (version, outcome) => {
  const { told, clock, table, resolve } = observation();
  table(
    'guest.a',
    async () => {
      await clock.sleep(70);
      return result(version, 990);
    },
    async () => undefined,
  );
  const [only] = await resolve();
  const run = only?.sync(NEVER);
  await clock.advance(70);
  expect(await run).toEqual(result(version, 990));
  expect(told.slice(1)).toEqual([
    'started guest.a',
    `${outcome} guest.a at 1070 after 70 with figures`,
    'fresh guest.a 990 985',
  ]);
});

test('a run that fails is told of, and its error passed on; what only meets another run or a stop is skipped', async () => {
  const { told, table, resolve } = observation();
  const outcomes = { COMMIT_CONFLICT: 'failed', LEASE_HELD: 'skipped', INTERRUPTED: 'skipped' } as const;
  for (const [code, outcome] of Object.entries(outcomes)) {
    table(
      `guest.${code}`,
      async () => {
        throw new MongolakeError(code as keyof typeof outcomes, 'no');
      },
      async () => undefined,
    );
    const only = (await resolve()).at(-1);
    await expect(only?.sync(NEVER)).rejects.toMatchObject({ code });
    expect(told.at(-1)).toBe(`${outcome} guest.${code} at 1000 after 0: no`);
  }
});

test('where another process holds the lease, what it left is read again', async () => {
  const { told, table, resolve } = observation();
  let checkedAt = 500;
  table(
    'guest.a',
    async () => {
      throw new MongolakeError('LEASE_HELD', 'held');
    },
    async () => freshness(checkedAt),
  );
  const [only] = await resolve();
  checkedAt = 900;
  await expect(only?.sync(NEVER)).rejects.toThrow('held');
  await settle();
  expect(told.at(-1)).toBe('fresh guest.a 900 895');
});

test('a note that is read late does not undo a newer run', async () => {
  const { told, clock, table, resolve } = observation();
  table(
    'guest.a',
    async () => result(4, 990),
    async () => {
      await clock.sleep(50);
      return freshness(500);
    },
  );
  const [only] = await resolve();
  await only?.sync(NEVER);
  await clock.advance(50);
  expect(told.filter((line) => line.startsWith('fresh'))).toEqual(['fresh guest.a 990 985']);
});

test('a table that leaves and comes back is read anew', async () => {
  const { told, tables, table, resolve } = observation();
  const add = () =>
    table(
      'guest.a',
      async () => result(4, 990),
      async () => freshness(500),
    );
  add();
  await resolve();
  tables.pop();
  await resolve();
  add();
  await resolve();
  expect(told).toEqual([
    'tables guest.a',
    'fresh guest.a 500 495',
    'tables ',
    'tables guest.a',
    'fresh guest.a 500 495',
  ]);
});

test('a store that does not answer is not asked again until it has', async () => {
  const { table, resolve } = observation();
  let asked = 0;
  let answer = () => {};
  table(
    'guest.a',
    async () => result(4, 990),
    () => {
      asked++;
      return new Promise((resolve) => {
        answer = () => resolve(undefined);
      });
    },
  );
  await resolve();
  await resolve();
  expect(asked).toBe(1);
  answer();
  await settle();
  await resolve();
  expect(asked).toBe(2);
});

test('a table that is not there is told of until it is', async () => {
  const { missing, table, resolve } = observation();
  table(
    'guest.a',
    async () => ({ ...result(0, 990), contents: { version: 0, rows: 1, files: 1, bytes: 1, quarantined: 0 } }),
    async () => undefined,
  );
  const [only] = await resolve();
  expect(missing).toEqual(['guest.a']);
  await only?.sync(NEVER);
  await resolve();
  expect(missing).toEqual(['guest.a']);
});

test('contents that could not be read are asked for again, also where the notes were read', async () => {
  const { told, table, resolve } = observation();
  const contents = { version: 3, rows: 1, files: 1, bytes: 1, quarantined: 2 };
  const answers = [Promise.reject(new MongolakeError('STORE_UNREACHABLE', 'away')), Promise.resolve(contents)];
  let asked = 0;
  const readContents = () => answers[asked++] ?? Promise.reject(new Error('asked once too often'));
  answers[0]?.catch(() => {});
  table(
    'guest.a',
    async () => result(4, 990),
    async () => freshness(900),
    { readContents },
  );
  await resolve();
  expect(told.filter((line) => line.startsWith('contents'))).toEqual([]);
  await resolve();
  expect(told.filter((line) => line.startsWith('contents'))).toEqual(['contents guest.a 3: 2 aside']);
  await resolve();
  expect(asked).toBe(2);
});

test('what the table has is told: as it was, then after a run; what was read too late is not', async () => {
  const { told, clock, table, resolve } = observation();
  const contents = (version: number) => ({ version, rows: 1, files: 1, bytes: 1, quarantined: version });
  let found = contents(3);
  table(
    'guest.a',
    async () => ({ ...result(5, 990), contents: contents(5) }),
    async () => undefined,
    {
      readContents: async () => {
        const read = found;
        await clock.sleep(50);
        return read;
      },
    },
  );
  await resolve();
  await clock.advance(50);
  expect(told.splice(0)).toEqual(['tables guest.a', 'contents guest.a 3: 3 aside']);
  const [only] = await resolve();
  await only?.sync(NEVER);
  found = contents(4);
  await clock.advance(50);
  expect(told.filter((line) => line.startsWith('contents'))).toEqual(['contents guest.a 5: 5 aside']);
});

test('what a verification found is told, of the last one before the first here', async () => {
  const { told, table, resolve } = observation();
  const noted = { ...VERIFIED, formatVersion: 1, isDeep: false, repairs: false, repairedIn: null } as const;
  const verification = { ...noted, checkedAt: 700, differences: { missing: 1, stale: 2, gone: 3 } };
  let result: Verified | undefined;
  table(
    'guest.a',
    async () => RESULT,
    async () => undefined,
    { readNotes: async () => ({ freshness: undefined, verification }), verify: async () => result },
  );
  const [observed] = await resolve();
  expect(told.splice(0)).toEqual(['tables guest.a', 'verified guest.a 700: 1 2 3']);
  await observed?.verify(NEVER);
  expect(told.splice(0)).toEqual([]);
  result = { ...VERIFIED, checkedAt: 900 };
  await observed?.verify(NEVER);
  expect(told.splice(0)).toEqual(['verified guest.a 900: 0 0 0 now']);
  result = { ...VERIFIED, checkedAt: 950, repaired: { ...RESULT, version: 3 } };
  await observed?.verify(NEVER);
  expect(told).toEqual(['verified guest.a 950: 0 0 0 now repaired in 3']);
});

test('what a verification found that then failed, as its repair was refused, is told from its note', async () => {
  const { told, table, resolve } = observation();
  const noted = { ...VERIFIED, formatVersion: 1, isDeep: false, repairs: true, repairedIn: null } as const;
  let verification: Verification | undefined;
  table(
    'guest.a',
    async () => RESULT,
    async () => undefined,
    {
      readNotes: async () => ({ freshness: undefined, verification }),
      verify: async () => {
        verification = { ...noted, checkedAt: 700, differences: { missing: 0, stale: 0, gone: 5000 } };
        throw new MongolakeError('DELETES_REFUSED', 'refused');
      },
    },
  );
  const [observed] = await resolve();
  await settle();
  told.splice(0);
  await expect(observed?.verify(NEVER)).rejects.toThrow('refused');
  await settle();
  expect(told).toEqual(['verified guest.a 700: 0 0 5000']);
});
