import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/** Watches over one server process, so that it does not outlive this one. */
export interface Guard {
  /** Tells that the process is gone: its id may belong to another one from now on. */
  processEnded(): void;
  /** Removes the folder and stops watching. */
  release(): void;
}

interface Guarded {
  pid: number | undefined;
  readonly folder: string;
}

const guarded = new Set<Guarded>();
let handlersInstalled = false;

// Ends the process and removes the folder once our end of its stdin closes, whatever closed it (also SIGKILL to us). A line
// on stdin tells that the process is gone.
const WATCHDOG = `
trap '' INT TERM HUP
pid=$1
while read -r line; do pid=; done
[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
rm -rf -- "$2"
`;

/** Ends `pid` (SIGKILL) and removes `folder` when this process exits, is interrupted, or is killed. */
export function guardProcess(pid: number, folder: string): Guard {
  installHandlers();
  const entry: Guarded = { pid, folder };
  guarded.add(entry);
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without /bin/sh the handlers of this process still do it.
  watchdog.on('error', () => {});
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  return {
    processEnded() {
      entry.pid = undefined;
      if (guarded.has(entry)) watchdog.stdin.write('gone\n');
    },
    release() {
      if (!guarded.delete(entry)) return;
      watchdog.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Ends all guarded processes now and removes their folders. */
function endAll(): void {
  for (const entry of guarded) {
    try {
      if (entry.pid !== undefined) process.kill(entry.pid, 'SIGKILL');
    } catch {
      // gone already
    }
    try {
      rmSync(entry.folder, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // the watchdog removes it
    }
  }
  guarded.clear();
}

function installHandlers(): void {
  if (handlersInstalled) return;
  handlersInstalled = true;
  process.once('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // First in the row: the signal-exit package, after us, ends the process where it finds itself the only other one.
    process.prependOnceListener(signal, () => {
      endAll();
      // Where someone else handles the signal, the end of this process is theirs to bring about.
      if (process.listenerCount(signal) > 0) return;
      process.kill(process.pid, signal);
    });
  }
}
