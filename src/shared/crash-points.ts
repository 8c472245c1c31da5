/** Places in a run at which a test can end or stop the process, in the order of a run. */
export const CRASH_POINTS = [
  'lease-taken',
  'fence-written',
  'old-staging-dropped',
  'before-plan',
  'plan-written',
  'extract-enqueued',
  'extract-started',
  'segment-written',
  'extract-receipt-written',
  'extract-done',
  'schema-written',
  'merge-inputs-written',
  'merge-enqueued',
  'merge-started',
  'base-downloaded',
  'merged',
  'file-uploaded',
  'merge-receipt-written',
  'merge-done',
  'quarantine-listed',
  'before-commit',
  'committed',
  'checkpoint-uploaded',
  'checkpoint-written',
  'freshness-noted',
  'plan-dropped',
  'staging-dropped',
  'vacuum-listed',
  'vacuum-deleted',
  'lease-released',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** `label`, or `label:SIGSTOP` for a process that can be woken up again. */
const VARIABLE = 'MONGOLAKE_CRASH_POINT';

/**
 * Ends the process by SIGKILL, as a machine that fails does, where the environment variable `MONGOLAKE_CRASH_POINT` names this place;
 * stops it where it names the signal SIGSTOP too. Nothing otherwise.
 */
export function crashPoint(label: CrashPoint): void {
  const wanted = process.env[VARIABLE];
  if (wanted === undefined) return;
  const [at, signal = 'SIGKILL'] = wanted.split(':');
  if (at !== label) return;
  // Once: a process that was stopped here and woken up goes on.
  delete process.env[VARIABLE];
  process.kill(process.pid, signal);
  // The signal may take a moment to arrive; nothing of this process may happen in it.
  if (signal === 'SIGKILL') for (;;);
}
