import { join } from 'node:path';
import { findOnPath, runCommand } from './command.ts';

const VENV_MS = 2 * 60_000;
const PIP_MS = 20 * 60_000;

/** Makes a virtual environment in the folder `into` and installs the packages. Throws where there is no Python or pip fails. */
export async function installPython(into: string, packages: readonly string[]): Promise<void> {
  const python3 = findOnPath('python3');
  if (!python3) throw new Error('python3 is not on the PATH');
  await runCommand(python3, ['-m', 'venv', into], { deadlineMs: VENV_MS });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  await runCommand(join(into, 'bin', 'python'), [...pip, ...packages], { deadlineMs: PIP_MS });
}
