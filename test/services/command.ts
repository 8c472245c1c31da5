import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How a command is run. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the command is ended with SIGKILL and the call fails. */
  readonly deadlineMs: number;
}

/** The path of a program on the PATH, or undefined. */
export function findOnPath(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/**
 * Runs a command to its end, without a shell and with stdin closed; returns its stdout. Throws where it can't start, exits
 * non-zero or misses its deadline; the message has the end of what it printed.
 */
export async function runCommand(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.deadlineMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let tail = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tail = (tail + text).slice(-4000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      const how = code === null ? `ended by ${signal}` : `exit ${code}`;
      reject(new Error(`${[program, ...args].join(' ').slice(0, 200)}: ${how}: ${lastLines(tail)}`));
    });
  });
}

/** The last lines of a program's output, about 300 characters. */
export function lastLines(output: string): string {
  return output.trim().slice(-300);
}
