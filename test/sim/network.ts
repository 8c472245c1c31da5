import { type ErrorCode, MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Chance } from './chance.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** A call of a process to a server: it takes effect at one moment, and is answered at a later one. */
export interface Call<T> {
  /** What is asked, for the trace. */
  readonly label: string;
  /** Changes something at the server: then all kinds of things can go wrong. */
  readonly writes: boolean;
  /** How much likelier than elsewhere they do. */
  readonly weight?: number;
  /** At the server. What it throws is the answer. */
  readonly effect: () => T;
  /** It finds out by itself what came of it after a lost answer: it may be tried again, and recognises its own effect. */
  readonly settles?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The way to one server. */
export interface Line {
  call<T>(process: SimProcess, call: Call<T>): Promise<T>;
}

interface LineOptions {
  /** Who answers, for the trace. */
  readonly server: string;
  readonly error: ErrorCode;
  readonly isAway: () => boolean;
  /** Milliseconds each way. */
  readonly delay: readonly [number, number];
  /** Whether answers are lost, doubled and so on; else a call is done or refused. */
  readonly lossy: boolean;
}

/** What becomes of one call. */
type Fate = 'answered' | 'refused' | 'lost' | 'settled' | 'late' | 'echoed';

/** What is worth a crash: a call that changes something, rather than one more look. */
function weightOf({ writes, weight = 1 }: Call<unknown>): number {
  return writes ? weight : 0.1;
}

const SLOW_MS = 8_000;
const LATE_MS = 40_000;

/** A way to a server on which everything happens that the world has in store. */
export function createLine(world: World, options: LineOptions): Line {
  const chance = world.chance(`line to ${options.server}`);
  return {
    call: <T>(process: SimProcess, call: Call<T>) =>
      // Of a process that has ended nothing is ever heard.
      new Promise<T>((resolve, reject) => {
        if (!process.isAlive) return;
        if (call.signal?.aborted) return reject(call.signal.reason);
        send(world, options, chance, { process, call, settle: settling(process, call, resolve, reject) });
      }),
  };
}

interface Sent<T> {
  readonly process: SimProcess;
  readonly call: Call<T>;
  readonly settle: (outcome: Outcome<T>) => void;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

function settling<T>(
  process: SimProcess,
  { signal }: Call<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Sent<T>['settle'] {
  const aborted = () => process.wake(() => reject(signal?.reason));
  signal?.addEventListener('abort', aborted, { once: true });
  return (outcome) =>
    process.wake(() => {
      signal?.removeEventListener('abort', aborted);
      if ('error' in outcome) reject(outcome.error);
      else resolve(outcome.value);
    });
}

function send<T>(world: World, line: LineOptions, chance: Chance, sent: Sent<T>): void {
  const { timeline, options } = world;
  const { process, call } = sent;
  const weight = weightOf(call);
  const fate = fateOf(world, line, chance, call);
  const there = chance.integer(...line.delay) + (world.strikes('slow', weight) ? chance.integer(500, SLOW_MS) : 0);
  const back = chance.integer(...line.delay) + (world.strikes('slow', weight) ? chance.integer(500, SLOW_MS) : 0);
  const pause = Math.max(options.leaseTtl, options.lockDuration) * (1 + 3 * chance.next());
  let held = 0;
  if (world.strikes('pause', weight)) {
    process.pause(pause);
    // Stopped just before the request leaves, or while the answer is awaited.
    if (chance.hits(0.5)) held = pause;
  }
  const moment = chance.pick(['before', 'with', 'after'] as const);
  if (world.strikes('crash', weight)) {
    if (moment !== 'after') process.die(`${moment === 'before' ? 'before' : 'in the middle of'}: ${call.label}`);
    if (moment === 'before') return;
    if (moment === 'after') timeline.after(held + there + 1, () => process.die(`after: ${call.label}`));
  }
  travel(world, line, sent, { fate, there: held + there, back, later: chance.integer(0, LATE_MS) });
}

function fateOf<T>(world: World, line: LineOptions, chance: Chance, call: Call<T>): Fate {
  const weight = weightOf(call);
  const refused = world.strikes(line.server === 'source' ? 'sourceDown' : 'refused', weight);
  const lost = world.strikes('lostAnswer', call.writes && line.lossy ? weight : 0);
  const late = world.strikes('late', call.writes && line.lossy ? weight : 0);
  const echoed = world.strikes('echo', call.writes && line.lossy ? weight : 0);
  const settles = chance.hits(0.5);
  if (line.isAway()) return line.lossy && call.writes && chance.hits(0.2) ? 'lost' : 'refused';
  if (lost) return settles && call.settles === true ? 'settled' : 'lost';
  if (late) return 'late';
  if (echoed) return 'echoed';
  return refused ? 'refused' : 'answered';
}

interface Journey {
  readonly fate: Fate;
  readonly there: number;
  readonly back: number;
  /** After the answer, milliseconds. */
  readonly later: number;
}

function travel<T>(world: World, line: LineOptions, sent: Sent<T>, { fate, there, back, later }: Journey): void {
  const { timeline, trace } = world;
  const { process, call, settle } = sent;
  const take = (): Outcome<T> => {
    try {
      return { value: call.effect() };
    } catch (error) {
      if (!(error instanceof MongolakeError)) throw error;
      return { error };
    }
  };
  const note = (what: string, loud = false) => trace.note(process.name, `${call.label} ${what}`, { loud });
  const away = { error: new MongolakeError(line.error, `the ${line.server} does not answer`) };
  timeline.after(there, () => {
    if (fate === 'refused' || fate === 'late') return;
    const outcome = take();
    if (fate === 'lost' || fate === 'settled') note(`${told(outcome)}, and the answer is lost`, true);
    else note(told(outcome), call.writes);
    if (fate === 'answered' || fate === 'echoed') timeline.after(back, () => settle(outcome));
  });
  if (fate === 'settled') timeline.after(there + back, () => settle(take()));
  if (fate === 'refused' || fate === 'lost' || fate === 'late') {
    if (fate !== 'lost') note(`gets no answer from the ${line.server}`, true);
    timeline.after(there + back, () => settle(away));
  }
  if (fate === 'late' || fate === 'echoed') {
    timeline.after(there + back + later, () =>
      note(`${told(take())}, ${fate === 'late' ? 'late' : 'once more'}`, true),
    );
  }
}

function told(outcome: Outcome<unknown>): string {
  if ('error' in outcome) return `fails: ${(outcome.error as MongolakeError).code}`;
  const { value } = outcome;
  if (typeof value === 'object' && value !== null && 'written' in value)
    return value.written ? 'succeeds' : 'is refused';
  return value === undefined ? 'done' : 'answered';
}
