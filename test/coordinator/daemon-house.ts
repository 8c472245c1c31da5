import type { RunResult } from '../../src/coordinator/carry-out.ts';
import { type DaemonTable, runDaemon } from '../../src/coordinator/daemon.ts';
import type { Verified } from '../../src/coordinator/verify.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Schedule } from '../../src/shared/domain/schedule.ts';
import type { LogFields, Logger } from '../../src/shared/ports/logger.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
const NOON = Date.UTC(2026, 10, 22, 12);

export const VERIFIED: Verified = {
  run: 'verify-1',
  version: 3,
  watermark: 1,
  checkedAt: 2,
  documents: 10,
  rows: 10,
  documentsChecksum: '0000000000000000',
  rowsChecksum: '0000000000000000',
  leftOut: 0,
  partitions: 4,
  differences: { missing: 0, stale: 0, gone: 0 },
  different: [],
  ids: [],
  unconfirmed: 0,
  bytesRead: 1,
  durationMs: 5,
};

/** A log line: its level, message and fields. */
export interface Line extends Record<string, unknown> {
  readonly level: string;
  readonly message: string;
}

/** A daemon's surroundings: a fake clock that stands at noon, a log that is kept, and tables whose runs are counted. */
export function house() {
  const clock = fakeClock(NOON);
  const lines: Line[] = [];
  const tables = new Map<string, DaemonTable>();
  let failure: MongolakeError | undefined;
  let hanging = false;
  let lookedAt_ms = 0;
  return {
    clock,
    lines,
    tables,
    /** When it looked at the clock last, milliseconds since noon. */
    lookedAt_ms: () => lookedAt_ms,
    /** From here on the list of tables is asked for and never told. */
    hang() {
      hanging = true;
    },
    fail(error: MongolakeError | undefined) {
      failure = error;
    },
    /** Adds a table; returns when its runs started, milliseconds since noon. */
    table(name: string, schedule: Schedule, run: (signal: AbortSignal) => Promise<void> = async () => {}): number[] {
      const startedAt_ms: number[] = [];
      const sync = async (signal: AbortSignal) => {
        startedAt_ms.push(clock.now() - NOON);
        await run(signal);
        return RESULT;
      };
      tables.set(name, { name, schedule, sync, verifySchedule: { kind: 'none' }, verify: async () => undefined });
      return startedAt_ms;
    },
    /** Has a table follow a change stream; returns when it was asked whether it has work. */
    follows(name: string, hasWork: () => boolean): number[] {
      const askedAt_ms: number[] = [];
      const asked = async () => {
        askedAt_ms.push(clock.now() - NOON);
        return hasWork();
      };
      tables.set(name, { ...(tables.get(name) as DaemonTable), hasWork: asked });
      return askedAt_ms;
    },
    /** Gives a table a verification; returns when these started. */
    verification(
      name: string,
      verifySchedule: Schedule,
      verify: () => Promise<Verified | undefined> = async () => VERIFIED,
    ): number[] {
      const startedAt_ms: number[] = [];
      const counted = () => {
        startedAt_ms.push(clock.now() - NOON);
        return verify();
      };
      tables.set(name, { ...(tables.get(name) as DaemonTable), verifySchedule, verify: counted });
      return startedAt_ms;
    },
    start({ maxConcurrentRuns = 8 } = {}) {
      const resolve = async () => {
        if (failure !== undefined) throw failure;
        if (hanging) await new Promise(() => {});
        return [...tables.values()];
      };
      const onLook = () => {
        lookedAt_ms = clock.now() - NOON;
      };
      return running(clock, (signal) =>
        runDaemon({ resolve, clock, logger: keepingLogger(lines), signal, maxConcurrentRuns, onLook }),
      );
    },
  };
}

function running(clock: FakeClock, daemon: (signal: AbortSignal) => Promise<void>) {
  const controller = new AbortController();
  let isOver = false;
  const over = daemon(controller.signal).finally(() => {
    isOver = true;
  });
  return {
    over,
    isOver: () => isOver,
    abort: () => controller.abort(new MongolakeError('INTERRUPTED', 'told to stop')),
    /** Tells it to stop and waits, for runs that take up to `ms` more. */
    async stop(ms = MINUTE) {
      this.abort();
      await clock.advance(ms);
      await over;
    },
  };
}

function keepingLogger(lines: Line[], fixed: LogFields = {}): Logger {
  const keep = (level: string) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, ...fixed, ...fields });
  };
  return {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: (fields) => keepingLogger(lines, { ...fixed, ...fields }),
  };
}

/** A run that read nothing. */
export const RESULT: RunResult = {
  run: 'run',
  version: null,
  window: { from: null, to: null },
  watermark: null,
  checkedAt: NOON,
  counts: NO_COUNTS,
  partitionsTouched: 0,
  filesAdded: 0,
  filesRemoved: 0,
  bytesRead: 0,
  bytesWritten: 0,
  durationMs: 0,
  stagesMs: { window: 0, extract: 0, schema: 0, merge: 0, commit: 0 },
};
