import { describe, expect, it } from 'vitest';
import { resultText } from '../../bench/table.ts';
import { outcome, result } from './results.ts';

describe('the table of a result', () => {
  it('has medians, their ratio to the baseline, a loss as well as a win, and who is absent', () => {
    const outcomes = [
      outcome('mongolake', {
        seconds: [2, 3, 2.5],
        startSeconds: [0.4],
        cpuSeconds: [4],
        peakBytes: [240e6],
        figures: { bytesWritten: 4.44e6, filesWritten: 16, filesKept: 1200 },
      }),
      outcome('faster one', { seconds: [1.25, 1, 1.5], peakBytes: [1.374e9], figures: { bytesWritten: 12e6 } }),
    ];
    expect(resultText(result({ outcomes, absent: [{ name: 'dlt', reason: 'python3 is not on the PATH' }] }))).toBe(
      [
        'Merge',
        'Rows change. More of it.',
        '            seconds      range  ratio  start  CPU s  peak MB  written MB  files   kept',
        'mongolake      2.50  2.00–3.00  1.00×   0.40   4.00      240         4.4     16  1,200',
        'faster one     1.25  1.00–1.50  0.50×      –   1.00     1374          12      –      –',
        'dlt: not measured, python3 is not on the PATH',
        '',
      ].join('\n'),
    );
  });

  it('compares with nobody else where the baseline is absent, and with nobody where there is but one', () => {
    const absent = [{ name: 'mongolake', reason: 'failed: exit 1' }];
    expect(resultText(result({ outcomes: [outcome('dlt'), outcome('duckdb')], absent }))).not.toContain('×');
    expect(resultText(result({ outcomes: [outcome('mongolake')] }))).not.toContain('×');
  });

  it('tells documents per second where documents are read', () => {
    const text = resultText(result({ documents: 200_000, outcomes: [outcome('mongolake', { seconds: [4] })] }));
    expect(text).toMatch(/documents\/s\nmongolake .* 50,000\n/);
  });

  it('is no table where nobody was measured', () => {
    const absent = [{ name: 'mongolake', reason: 'failed: exit 1' }];
    expect(resultText(result({ absent }))).toBe(
      'Merge\nRows change. More of it.\nmongolake: not measured, failed: exit 1\n',
    );
  });
});
