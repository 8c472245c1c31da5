import { describe, expect, it } from 'vitest';
import type { Contender } from '../../bench/contender.ts';
import { runRounds } from '../../bench/rounds.ts';

const node = (code: string) => ({ program: process.execPath, args: ['-e', code], cwd: '/' });

describe.runIf(process.platform === 'linux')('the rounds of a scenario', () => {
  const scenario = { name: 's', title: 'S', about: 'It is done.', documents: 5 };

  it('let all run in turn, each brought back to its start before and looked at after', async () => {
    const order: string[] = [];
    const contender = (name: string): Contender => ({
      name,
      prepare: async () => ({
        reset: () => order.push(`reset ${name}`),
        job: node(`console.log('"${name}"')`),
        idle: node(''),
        async inspect(stdout) {
          order.push(`inspect ${JSON.parse(stdout)}`);
          return { filesWritten: order.length };
        },
      }),
    });
    const absent = { name: 'c', reason: 'no Java' };
    const result = await runRounds({ ...scenario, contenders: [contender('a'), absent, contender('b')] }, 2);
    const round = ['reset a', 'inspect a', 'reset b', 'inspect b'];
    expect(order).toEqual([...round, ...round]);
    expect(result).toMatchObject({ ...scenario, baseline: 'a', absent: [absent] });
    expect(
      result.outcomes.map(({ name, seconds, startSeconds, figures }) => [
        name,
        seconds.length,
        startSeconds.length,
        figures,
      ]),
    ).toEqual([
      ['a', 2, 2, { filesWritten: 6 }],
      ['b', 2, 2, { filesWritten: 8 }],
    ]);
  });

  it('go on without a contender that fails or can not be prepared, and name the reason', async () => {
    let runs = 0;
    const fine: Contender = {
      name: 'fine',
      prepare: async () => ({
        reset: () => {},
        job: node('console.log(17)'),
        secondsOf: Number,
        inspect: async () => ({}),
      }),
    };
    const late: Contender = {
      name: 'late',
      prepare: async () => ({
        reset: () => {},
        job: node(''),
        async inspect() {
          runs += 1;
          if (runs === 2) throw new Error('9 rows,\n 10 are expected');
          return {};
        },
      }),
    };
    const never: Contender = { name: 'never', prepare: () => Promise.reject(new Error('no disk')) };
    const result = await runRounds({ ...scenario, contenders: [never, late, fine] }, 3);
    expect(result.absent).toEqual([
      { name: 'never', reason: 'failed: no disk' },
      { name: 'late', reason: 'failed: 9 rows, 10 are expected' },
    ]);
    expect(result.outcomes.map(({ name, seconds }) => [name, seconds])).toEqual([['fine', [17, 17, 17]]]);
    expect(result.baseline).toBe('never');
    expect(runs).toBe(2);
  });
});
