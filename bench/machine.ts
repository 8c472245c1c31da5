import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../test/services/command.ts';
import type { Started } from '../test/services/result.ts';
import { type Python, requirements } from './peers.ts';

/** Where and with what it was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  /** Program or package → version. */
  readonly versions: Readonly<Record<string, string>>;
}

export async function describeMachine(peers: Started<Python>, spark: Started<Python>): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `Linux ${release()}`,
    versions: {
      mongolake: versionOf('../package.json'),
      node: process.versions.node,
      '@duckdb/node-api': versionOf('../node_modules/@duckdb/node-api/package.json'),
      ...(peers.available
        ? Object.fromEntries(requirements().map((one) => one.replace(/\[.*\]/, '').split('==')))
        : {}),
      ...(spark.available ? { pyspark: await pysparkVersion(spark) } : {}),
    },
  };
}

export function machineText({ cpu, cores, memoryBytes, kernel, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${machineLine({ cpu, cores, memoryBytes })}, ${kernel}\n${programs.join(', ')}\n`;
}

/** The machine in a few words. */
export function machineLine({ cpu, cores, memoryBytes }: Pick<Machine, 'cpu' | 'cores' | 'memoryBytes'>): string {
  return `${cores} cores of ${cpu}, ${Math.round(memoryBytes / 2 ** 30)} GiB of memory`;
}

function versionOf(manifest: string): string {
  const text = readFileSync(fileURLToPath(new URL(manifest, import.meta.url)), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function pysparkVersion({ python }: Python): Promise<string> {
  const code = 'import importlib.metadata as m; print(m.version("pyspark"))';
  return (await runCommand(python, ['-c', code], { deadlineMs: 60_000 })).trim();
}
