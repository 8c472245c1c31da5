import './at-once.ts';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadParquet } from '../../src/coordinator/checkpoint.ts';
import { type Operation, type Servers, startSimWorker, tell } from './actors.ts';
import { closeLeftOpen } from './at-once.ts';
import { createCollection } from './collection.ts';
import { drawOptions, type Fault, type Limits, type Options } from './options.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { type SimProcess, startProcess } from './process.ts';
import { createQueueServer } from './queue.ts';
import { createSourceServer } from './source.ts';
import { createStore } from './store.ts';
import { createWorld, Violation, type World } from './world.ts';

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly options: Options;
  /** The promise that was broken; `undefined` where all were kept. */
  readonly violation: Violation | undefined;
  /** Of everything that happened: the same for the same seed. */
  readonly hash: string;
  readonly struck: Readonly<Record<Fault, number>>;
  readonly commits: number;
  /** Virtual time, milliseconds. */
  readonly lasted: number;
  readonly steps: number;
  /** What happened, as lines. */
  story(everything?: boolean): readonly string[];
}

const MINUTE = 60_000;
/** An operation that takes longer hangs. */
const OVERDUE_MS = 60 * MINUTE;
/** By then whatever was still on its way has arrived. */
const SETTLED_MS = 3 * MINUTE;

/** Versions of mongolake: during a rollout there are two, and neither finishes the other's runs. */
const VERSIONS = ['1.0.0', '1.0.0', '1.1.0'] as const;

/** In memory, where there is such a folder. */
const SCRATCH_ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Runs one seed from its first document to its last vacuum. */
export async function simulate(seed: number, limits: Limits = {}): Promise<Outcome> {
  // To load code takes real time, which the timeline knows nothing of.
  await loadParquet();
  const options = drawOptions(seed, limits);
  const world = createWorld(options);
  const scratch = mkdtempSync(join(SCRATCH_ROOT, 'mongolake-sim-'));
  const collection = createCollection(world);
  const store = createStore(world);
  const oracle = createOracle(world, store, collection);
  const source = createSourceServer(world, collection);
  const servers: Servers = { world, store, queue: createQueueServer(world), source, collection, scratch };
  const unhandled: unknown[] = [];
  const onRejection = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', onRejection);
  let violation: Violation | undefined;
  try {
    await live(servers, oracle, unhandled);
  } catch (error) {
    violation = error instanceof Violation ? error : new Violation('simulation', (error as Error).stack ?? '');
    world.trace.note('oracle', `${violation.promise} is broken`, { loud: true, aside: violation.message });
  } finally {
    process.off('unhandledRejection', onRejection);
    closeLeftOpen();
    rmSync(scratch, { recursive: true, force: true });
  }
  const { trace, timeline, struck } = world;
  const figures = { struck, commits: oracle.commits, lasted: timeline.now, steps: trace.steps };
  return { seed, options, violation, hash: trace.hash(), ...figures, story: trace.story };
}

async function live(servers: Servers, oracle: Oracle, unhandled: unknown[]): Promise<void> {
  const { world } = servers;
  const { timeline, options } = world;
  const until = async (isOver: () => boolean, limit: number) => {
    const latest = timeline.now + limit;
    while (!isOver()) {
      if (!(await timeline.step())) throw new Violation('liveness', 'nothing will ever happen again');
      if (unhandled.length > 0) throw asViolation(unhandled[0]);
      if (timeline.now > latest) throw new Violation('liveness', `not over after ${limit / MINUTE} minutes`);
    }
  };
  const coordinators = startAll(servers);
  await until(() => coordinators.every((coordinator) => coordinator.isIdle()), OVERDUE_MS * options.operations);
  world.calm();
  servers.store.setAway(false);
  servers.queue.setAway(false);
  await pass(world, until, SETTLED_MS);
  const last = startProcess(world, 'the last one', () => 0);
  await untilDone(servers, last, 'sync', until);
  oracle.checkEqual();
  await pass(world, until, options.retention + 24 * 60 * MINUTE);
  await untilDone(servers, last, 'vacuum', until);
  oracle.checkClean();
}

function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  return new Violation('errors', `a rejection that nobody handles: ${(error as Error)?.stack ?? String(error)}`);
}

type Until = (isOver: () => boolean, limit: number) => Promise<void>;

async function pass({ timeline }: World, until: Until, ms: number): Promise<void> {
  let isOver = false;
  timeline.after(ms, () => {
    isOver = true;
  });
  await until(() => isOver, ms + 1);
}

/** Tells it again and again until it is done: in a world in which nothing goes wrong any more that has an end. */
async function untilDone(servers: Servers, process: SimProcess, operation: Operation, until: Until): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    let how: string | undefined;
    tell(servers, process, operation, VERSIONS[0]).ended.then((ended) => {
      how = ended;
    });
    await until(() => how !== undefined, OVERDUE_MS);
    if (how === 'done') return;
    await pass(servers.world, until, servers.world.options.leaseTtl);
  }
  throw new Violation('liveness', `${operation} does not succeed, although nothing goes wrong any more`);
}

interface Coordinator {
  isIdle(): boolean;
}

/** Starts all that takes part, and plans what will befall it. */
function startAll(servers: Servers): readonly Coordinator[] {
  const { world, store, queue, collection } = servers;
  const { options, timeline } = world;
  const chance = world.chance('schedule');
  const span = options.operations * 20_000;
  for (let n = 1; n <= options.workers; n++) keepWorker(servers, n, 1);
  for (let n = 0; n < options.writes; n++) {
    timeline.after(chance.integer(0, span), () => {
      if (!world.isCalm) collection.write();
    });
  }
  for (const [fault, server] of [['storeOutage', store] as const, ['queueOutage', queue] as const]) {
    if (!world.strikes(fault)) continue;
    const begins = chance.integer(0, span);
    timeline.after(begins, () => server.setAway(true));
    timeline.after(begins + chance.integer(500, 60_000), () => server.setAway(false));
  }
  for (let n = 0; n < 3; n++) if (world.strikes('queueFlush')) timeline.after(chance.integer(0, span), queue.flush);
  const lists = Array.from({ length: options.coordinators }, (): Operation[] => []);
  for (let n = 0; n < options.operations; n++) chance.pick(lists).push(drawOperation(chance.next()));
  return lists.map((operations, n) => keepCoordinator(servers, `coordinator-${n + 1}`, operations));
}

function drawOperation(share: number): Operation {
  if (share < 0.5) return 'sync';
  if (share < 0.6) return 'part';
  if (share < 0.65) return 'backfill';
  if (share < 0.7) return 'replace';
  if (share < 0.76) return 'repartition';
  if (share < 0.8) return 'compact';
  if (share < 0.92) return 'vacuum';
  return share < 0.96 ? 'unlock' : 'retry';
}

/** A worker that is started anew some time after it has crashed. */
function keepWorker(servers: Servers, n: number, life: number): void {
  const { world } = servers;
  const process = startSimWorker(servers, `worker-${n}${life === 1 ? '' : `.${life}`}`);
  const rest = world.chance(`rest of ${process.name}`).integer(500, 30_000);
  process.onDeath(() => world.timeline.after(rest, () => keepWorker(servers, n, life + 1)));
}

/** A coordinator that does one thing after the other, and goes on with the next where it crashed. */
function keepCoordinator(servers: Servers, name: string, operations: readonly Operation[]): Coordinator {
  const { world } = servers;
  const chance = world.chance(`operations of ${name}`);
  const left = [...operations];
  const version = chance.pick(VERSIONS);
  let isIdle = false;
  let life = 0;
  const next = (process: SimProcess) => {
    const operation = left.shift();
    if (operation === undefined) {
      isIdle = true;
      return;
    }
    world.timeline.after(chance.integer(0, chance.pick([40_000, 40_000, 200_000])), () =>
      process.wake(() => start(process, operation)),
    );
  };
  const start = (process: SimProcess, operation: Operation) => {
    const told = tell(servers, process, operation, version);
    const mayStop = chance.integer(0, 15_000);
    if (world.strikes('interrupt')) world.timeline.after(mayStop, () => process.wake(told.stop));
    void told.ended.then(() => next(process));
  };
  const begin = () => {
    life += 1;
    const process = startProcess(world, life === 1 ? name : `${name}.${life}`, skewOf(world, chance));
    const rest = chance.integer(500, 30_000);
    process.onDeath(() => {
      if (!isIdle) world.timeline.after(rest, begin);
    });
    next(process);
  };
  begin();
  return { isIdle: () => isIdle };
}

/** How far a wall clock is off: by so much, and after a jump by another time. */
function skewOf(world: World, chance: { integer(low: number, high: number): number }): (now: number) => number {
  const most = Math.round(world.options.allowedLateness * 1.1);
  const [first, second, jumpsAt] = [
    chance.integer(-most, most),
    chance.integer(-most, most),
    chance.integer(0, 120_000),
  ];
  if (!world.strikes('clockSkew')) return () => 0;
  return (now) => (now < jumpsAt ? first : second);
}
