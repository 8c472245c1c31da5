import { describe, expect, it } from 'vitest';
import { chart } from '../../bench/chart.ts';
import { outcome, result } from './results.ts';

/** Class and width of each bar. */
function bars(svg: string): [string, number][] {
  return [...svg.matchAll(/<rect class="([\w ]+)".* width="([\d.]+)"/g)].map(([, kind = '', width]) => [
    kind,
    Number(width),
  ]);
}

describe('the chart', () => {
  it('has a bar of the median for each, the longest one of a group at full length', () => {
    const first = result({
      outcomes: [outcome('mongolake', { seconds: [2, 9, 1] }), outcome('dlt', { seconds: [8] })],
    });
    const second = result({
      outcomes: [outcome('mongolake', { seconds: [100] }), outcome('duckdb', { seconds: [25] })],
    });
    const svg = chart([first, second], ['2 cores']);
    expect(bars(svg)).toEqual([
      ['bar ours', 110],
      ['bar', 440],
      ['bar ours', 440],
      ['bar', 110],
    ]);
    expect(svg).toContain('>2.0 s · 100 MB<');
    expect(svg).toContain('>100 s · 100 MB<');
  });

  it('escapes what XML would take for its own', () => {
    const svg = chart([result({ title: 'a < b & "c"', outcomes: [outcome('<x>')] })], ['R&D']);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).toContain('>&lt;x&gt;<');
    expect(svg).toContain('>R&amp;D<');
  });

  it('is as high as its groups, and leaves out one in which nobody was measured', () => {
    const measured = result({ outcomes: [outcome('mongolake')] });
    const height = (svg: string) => Number(/ height="(\d+)" role/.exec(svg)?.[1]);
    expect(height(chart([measured, measured], [])) - height(chart([measured], []))).toBe(84);
    expect(height(chart([measured, result()], []))).toBe(height(chart([measured], [])));
  });
});
