import { differing } from '../shared/domain/comparison.ts';
import { asMongolakeError, type MongolakeError } from '../shared/domain/errors.ts';
import type { Schedule } from '../shared/domain/schedule.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { LogFields, Logger } from '../shared/ports/logger.ts';
import type { RunResult } from './carry-out.ts';
import { firstTick, retryTick, type Scheduled, takeDue } from './schedule.ts';
import type { Verified } from './verify.ts';

/** A table that the coordinator keeps in step, and compares with its source now and then. */
export interface DaemonTable {
  readonly name: string;
  readonly schedule: Schedule;
  /** Of a table that follows a change stream: whether it has to be synced now. Its schedule is then a beat at which it is asked, and none is missed where one is left out. */
  readonly hasWork?: () => Promise<boolean>;
  readonly sync: (signal: AbortSignal) => Promise<RunResult>;
  readonly verifySchedule: Schedule;
  /** `undefined` where the last verification is too young for another. */
  readonly verify: (signal: AbortSignal) => Promise<Verified | undefined>;
}

/** Something that is done to a table on a schedule. */
interface Task {
  /** Tells it from all others. */
  readonly key: string;
  readonly table: string;
  readonly isVerification: boolean;
  readonly schedule: Schedule;
  /** Whether its schedule is only how often it is looked at. */
  readonly isFollowing: boolean;
  /** Returns what is to be said of it, if anything. */
  readonly run: (signal: AbortSignal) => Promise<Said | undefined>;
}

interface Said {
  readonly message: string;
  readonly fields: LogFields;
}

function tasksOf(table: DaemonTable): readonly Task[] {
  const { name, schedule, verifySchedule, hasWork } = table;
  return [
    {
      key: name,
      table: name,
      isVerification: false,
      schedule,
      isFollowing: hasWork !== undefined,
      run: async (signal) => {
        if (hasWork !== undefined && !(await hasWork())) return undefined;
        return saidOfSync(await table.sync(signal));
      },
    },
    {
      key: `${name} (verify)`,
      table: name,
      isVerification: true,
      isFollowing: false,
      schedule: verifySchedule,
      run: async (signal) => saidOfVerification(await table.verify(signal)),
    },
  ];
}

function saidOfSync({ version, counts, durationMs }: RunResult): Said {
  const message = version === null ? 'in step, nothing new' : 'synced';
  return { message, fields: { version, ...counts, durationMs } };
}

function saidOfVerification(result: Verified | undefined): Said | undefined {
  if (result === undefined) return undefined;
  const { version, rows, differences, unconfirmed, repaired, durationMs } = result;
  const isEqual = differing(differences) + unconfirmed === 0;
  const message = isEqual ? 'verified: equal' : repaired === undefined ? 'verified: differs' : 'verified and repaired';
  return { message, fields: { version, rows, ...differences, unconfirmed, repairedIn: repaired?.version, durationMs } };
}

export interface DaemonContext {
  /** The tables of the configuration, wildcards resolved anew at each call. */
  readonly resolve: () => Promise<readonly DaemonTable[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the coordinator is told to stop. */
  readonly signal: AbortSignal;
  readonly maxConcurrentRuns: number;
  /** Called at each look at the clock, at least once a second while all is well: proof that the loop goes on. */
  readonly onLook?: () => void;
}

/** How often wildcards are resolved again, so that a new collection gets its table. */
const RESOLVE_EVERY_MS = 60_000;
/** The longest rest between two looks at the clock. */
const LOOK_EVERY_MS = 1000;

interface DaemonState {
  /** Whether the tables were told at least once. */
  known: boolean;
  /** The question for the tables that is under way. A source that hangs must not hold up the tables that are known. */
  resolving: Promise<void> | undefined;
  resolvedAt: number | undefined;
  /** What ends the daemon. */
  failure: { readonly error: unknown } | undefined;
  tasks: Map<string, Task>;
  scheduled: readonly Scheduled[];
  readonly running: Map<string, Running>;
  /** Started but waiting for a free place. */
  readonly waiting: string[];
  /** How many runs in a row failed for a reason that passes. */
  readonly failures: Map<string, number>;
}

interface Running {
  readonly task: Task;
  readonly over: Promise<void>;
}

/** A verification may take hours: they never take the places of runs. */
const VERIFICATIONS_AT_ONCE = 1;

/** Runs every table on its schedule until told to stop; then waits for the runs that go on, which stop by themselves. */
export async function runDaemon(context: DaemonContext): Promise<void> {
  const { clock, signal, logger, onLook } = context;
  const state: DaemonState = {
    known: false,
    resolving: undefined,
    resolvedAt: undefined,
    failure: undefined,
    tasks: new Map(),
    scheduled: [],
    running: new Map(),
    waiting: [],
    failures: new Map(),
  };
  while (!signal.aborted) {
    onLook?.();
    if (state.failure !== undefined) throw state.failure.error;
    const resolving = resolveIfDue(state, context);
    const { start, skip, next } = takeDue(withRunning(state), clock.now());
    state.scheduled = next;
    for (const key of skip.filter((each) => state.tasks.get(each)?.isFollowing === false))
      logger.warn('the tick is skipped: the run before it still goes on', { table: key });
    state.waiting.push(...start);
    startWaiting(state, context);
    await rest(context, resolving);
  }
  await Promise.all([...state.running.values()].map(({ over }) => over));
}

/** Sleeps until the next look; being told to stop, or the list of the tables, ends it at once. */
async function rest({ clock, signal }: DaemonContext, resolving: Promise<void> | undefined): Promise<void> {
  const listed = new AbortController();
  try {
    if (resolving === undefined) return await clock.sleep(LOOK_EVERY_MS, signal);
    void resolving.then(() => listed.abort());
    await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, listed.signal]));
  } catch (error) {
    if (!signal.aborted && !listed.signal.aborted) throw error;
  }
}

/** Asks for the tables where that is due; what is returned never rejects. */
function resolveIfDue(state: DaemonState, context: DaemonContext): Promise<void> | undefined {
  const { clock } = context;
  const due = state.resolvedAt === undefined || clock.monotonic() - state.resolvedAt >= RESOLVE_EVERY_MS;
  if (!due || state.resolving !== undefined) return state.resolving;
  state.resolving = resolveTables(state, context)
    .catch((error: unknown) => {
      state.failure = { error };
    })
    .finally(() => {
      state.resolving = undefined;
      state.resolvedAt = clock.monotonic();
    });
  return state.resolving;
}

function withRunning(state: DaemonState): Scheduled[] {
  return state.scheduled.map((table) => ({
    ...table,
    running: state.running.has(table.name) || state.waiting.includes(table.name),
  }));
}

/**
 * New tables are scheduled, gone ones dropped, the others keep their beat. A source that can't be listed now is asked again
 * later; only at the start, where waiting can't help, does it end the daemon.
 */
async function resolveTables(state: DaemonState, { resolve, clock, logger }: DaemonContext): Promise<void> {
  try {
    const tasks = (await resolve()).flatMap(tasksOf);
    state.known = true;
    const before = new Map(state.scheduled.map((task) => [task.name, task]));
    state.tasks = new Map(tasks.map((task) => [task.key, task]));
    state.scheduled = tasks.map(
      ({ key, schedule }) =>
        before.get(key) ?? { name: key, schedule, dueAt: firstTick(schedule, clock.now()), running: false },
    );
    for (const { key, table } of tasks) if (key === table && !before.has(key)) logger.info('scheduled', { table });
  } catch (error) {
    const known = asMongolakeError(error);
    if (!known.retryable && !state.known) throw error;
    logger.error(`the collections could not be listed: ${known.message}`, { code: known.code });
  }
}

function startWaiting(state: DaemonState, context: DaemonContext): void {
  for (const name of state.waiting.splice(0)) {
    const task = state.tasks.get(name);
    if (task === undefined) continue;
    if (!hasPlace(task, state, context)) {
      state.waiting.push(name);
      continue;
    }
    const run = async () => {
      const passes = await runOnce(task, context);
      state.running.delete(name);
      noteOutcome(state, name, passes, context.clock.now());
    };
    state.running.set(name, { task, over: run() });
  }
}

function hasPlace({ isVerification }: Task, { running }: DaemonState, { maxConcurrentRuns }: DaemonContext): boolean {
  const alike = [...running.values()].filter(({ task }) => task.isVerification === isVerification);
  return alike.length < (isVerification ? VERIFICATIONS_AT_ONCE : maxConcurrentRuns);
}

/** A run that failed for a reason that passes is tried again soon, with back-off. */
function noteOutcome(state: DaemonState, name: string, passes: boolean, now: number): void {
  if (!passes) {
    state.failures.delete(name);
    return;
  }
  const failures = (state.failures.get(name) ?? 0) + 1;
  state.failures.set(name, failures);
  state.scheduled = state.scheduled.map((table) =>
    table.name === name ? { ...table, retryAt: retryTick(failures, now) } : table,
  );
}

/** Whether a run only met another one, or an order to stop: nothing is wrong with its table. */
export function isSkipped({ code }: MongolakeError): boolean {
  return code === 'LEASE_HELD' || code === 'INTERRUPTED';
}

/** One run; a failure is logged. True where it failed for a reason that passes. */
async function runOnce({ table, run }: Task, { logger, signal }: DaemonContext): Promise<boolean> {
  const log = logger.child({ table });
  try {
    const said = await run(signal);
    if (said !== undefined) log.info(said.message, said.fields);
    return false;
  } catch (error) {
    const known = asMongolakeError(error);
    const skipped = isSkipped(known);
    log[skipped ? 'info' : 'error'](known.message, { code: known.code, hint: known.hint, retryable: known.retryable });
    return known.retryable && !skipped;
  }
}
