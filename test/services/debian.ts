import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, withLock } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';

const DEADLINE_MS = 10 * 60_000;

/** Whether packages can be installed here without asking anyone: root on a Debian-like system. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && findOnPath('apt-get') !== undefined;
}

/**
 * Installs a Debian package that brings `program`, unless that is on the PATH already; returns the program's path. Services of
 * the package are not started. Throws what apt says.
 */
export async function installPackage(name: string, program: string): Promise<string> {
  return withLock(join(cacheFolder(), 'apt'), async () => {
    const present = findOnPath(program);
    if (present) return present;
    console.error(`test services: installing the Debian package ${name}`);
    // RUNLEVEL: invoke-rc.d starts nothing in runlevel 1.
    const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const options = { env, deadlineMs: DEADLINE_MS };
    const wait = ['-o', 'DPkg::Lock::Timeout=120'];
    await runCommand('apt-get', [...wait, 'update'], options);
    await runCommand('apt-get', [...wait, 'install', '-y', '--no-install-recommends', name], options);
    const installed = findOnPath(program);
    if (!installed) throw new Error(`${name} is installed, but ${program} is not on the PATH`);
    return installed;
  });
}
