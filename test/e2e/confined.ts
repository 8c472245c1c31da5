import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** What a process is to find: a small file system, and a file in place of the one that tells the memory limit of its container. */
export interface Confinement {
  /** A folder; on a file system of 16 MB of its own. */
  readonly disk: string;
  /** A file whose text is the limit, bytes. It is told, not enforced. */
  readonly memoryLimit: string;
}

// Within a mount namespace of its own: nobody else sees the mounts, and they go with the process.
const SCRIPT = `
mount --bind "$1" "$2" && mount -t tmpfs -o size=16m none "$0" && shift 2 && exec "$@"`;

/** Program and arguments that start what follows them so; it takes root. */
export function confined({ disk, memoryLimit }: Confinement): readonly string[] {
  return ['unshare', '--mount', 'sh', '-c', SCRIPT, disk, memoryLimit, memoryLimitFile()];
}

/** Whether processes can be confined here. */
export function canConfine(confinement: Confinement): boolean {
  const [program = '', ...args] = confined(confinement);
  return spawnSync(program, [...args, 'true']).status === 0;
}

/** The folder as a confined process sees it. */
export function seenBy(pid: number | undefined, folder: string): string {
  return `/proc/${pid}/root${folder}`;
}

/** Where the system tells the memory limit of this process's control group. */
function memoryLimitFile(): string {
  const groups = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  const pathOf = (start: RegExp) => groups.find((line) => start.test(line))?.replace(start, '') ?? '';
  const files = [
    `/sys/fs/cgroup/memory${pathOf(/^\d+:memory:/)}/memory.limit_in_bytes`,
    '/sys/fs/cgroup/memory/memory.limit_in_bytes',
    `/sys/fs/cgroup${pathOf(/^0::/)}/memory.max`,
  ];
  return files.find((file) => existsSync(file)) ?? '';
}
