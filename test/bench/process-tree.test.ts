import { describe, expect, it } from 'vitest';
import { parseMemory, parseStat, readMemory, readProcesses, treeOf } from '../../bench/process-tree.ts';

const process1 = (pid: number, parent: number) => ({ pid, parent, cpuSeconds: 0, childrenCpuSeconds: 0 });

describe('processes', () => {
  it('are read from a line of /proc, whatever the program is called', () => {
    const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 900 100 20 0 11 0 123 456 789';
    expect(parseStat(line)).toEqual({ pid: 42, parent: 7, cpuSeconds: 2, childrenCpuSeconds: 10 });
  });

  it('have their memory in kB, and none once they have ended', () => {
    expect(parseMemory('Name:\tnode\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n')).toEqual({
      residentBytes: 1_048_576,
      peakBytes: 2_097_152,
    });
    expect(parseMemory('')).toEqual({ residentBytes: 0, peakBytes: 0 });
  });

  it('are a tree under those that were started', () => {
    const all = [process1(5, 3), process1(1, 0), process1(2, 1), process1(3, 2), process1(4, 1), process1(6, 4)];
    expect(treeOf(all, [2, 4]).map(({ pid }) => pid)).toEqual([2, 4, 3, 6, 5]);
    expect(treeOf(all, [9])).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('of this machine are found, this one among them', () => {
    const own = readProcesses().find(({ pid }) => pid === process.pid);
    expect(own?.parent).toBe(process.ppid);
    const { residentBytes, peakBytes } = readMemory(process.pid);
    expect(residentBytes).toBeGreaterThan(10e6);
    expect(peakBytes).toBeGreaterThanOrEqual(residentBytes);
  });
});
