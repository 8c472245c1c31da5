import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measure } from '../../bench/measure.ts';

const node = (code: string) => ({ program: process.execPath, args: ['-e', code], cwd: '/' });

describe.runIf(process.platform === 'linux')('a measured command', () => {
  it('counts the memory and the processor of its children, and keeps what it prints', async () => {
    const child =
      'const b = Buffer.alloc(300e6, 1); const end = performance.now() + 500; while (performance.now() < end);';
    const parent = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(child)}]); console.log('done')`;
    const { stdout, peakBytes, cpuSeconds, seconds } = await measure(node(parent));
    expect(stdout).toBe('done\n');
    expect(peakBytes).toBeGreaterThan(300e6);
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThanOrEqual(0.5);
  });

  it('has what runs beside it started before and ended after', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mongolake-bench-beside-'));
    const file = join(folder, 'pid');
    const code = `require('node:fs').writeFileSync(${JSON.stringify(file)}, String(process.pid)); console.log('up'); setInterval(() => {}, 1000)`;
    const { stdout } = await measure(
      node(`console.log(require('node:fs').readFileSync(${JSON.stringify(file)}, 'utf8'))`),
      [{ ...node(code), ready: 'up' }],
    );
    expect(() => process.kill(Number(stdout), 0)).toThrow('ESRCH');
    rmSync(folder, { recursive: true });
  });

  it('that fails is an error with what it said', async () => {
    await expect(measure(node("console.error('no such table'); process.exit(3)"))).rejects.toThrow(
      /exit 3: no such table/,
    );
    const beside = { ...node("console.error('no Redis')"), ready: 'up' };
    await expect(measure(node(''), [beside])).rejects.toThrow(/ended before it was ready: no Redis/);
  });
});
