import type { Clock } from '../../src/shared/ports/clock.ts';
import { START, type World } from './world.ts';

/** A process that takes part: a coordinator or a worker. It may end, or stand still, at any of its calls. */
export interface SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly isAlive: boolean;
  /** Stands still, as by SIGSTOP. */
  readonly isPaused: boolean;
  /** When it goes on, milliseconds since the start; past where it does not stand still. */
  readonly pausedUntil: number;
  /** Does something in the process as soon as it can: later where it stands still, never where it has ended. */
  wake(happen: () => void): void;
  /** Ends, as by SIGKILL: nothing it waits for ever comes. */
  die(how: string): void;
  pause(ms: number): void;
  onDeath(listener: () => void): void;
}

/** Starts a process. `skew` is how far its wall clock is ahead, milliseconds, at a moment since the start. */
export function startProcess(world: World, name: string, skew: (now: number) => number): SimProcess {
  const { timeline, trace } = world;
  const listeners: (() => void)[] = [];
  let isAlive = true;
  let pausedUntil = 0;
  trace.note(name, 'starts', { loud: true });
  const process: SimProcess = {
    name,
    clock: clockOf(world, name, skew, (happen) => process.wake(happen)),
    get isAlive() {
      return isAlive;
    },
    get isPaused() {
      return pausedUntil > timeline.now;
    },
    get pausedUntil() {
      return pausedUntil;
    },
    wake(happen) {
      if (!isAlive) return;
      // Whatever piles up meanwhile comes in its order, one thing at a time.
      if (pausedUntil > timeline.now) timeline.after(pausedUntil - timeline.now, () => process.wake(happen));
      else happen();
    },
    die(how) {
      if (!isAlive) return;
      isAlive = false;
      trace.note(name, `crashes ${how}`, { loud: true });
      for (const listener of listeners) listener();
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, timeline.now + Math.ceil(ms));
      trace.note(name, `stands still for ${Math.round(ms / 1000)} s`, { loud: true });
    },
    onDeath: (listener) => {
      listeners.push(listener);
    },
  };
  return process;
}

function clockOf(
  { timeline, chance }: World,
  name: string,
  skew: (now: number) => number,
  wake: SimProcess['wake'],
): Clock {
  const started = timeline.now;
  const drawn = chance(`clock of ${name}`);
  return {
    now: () => START + timeline.now + skew(timeline.now),
    monotonic: () => timeline.now - started,
    randomHex: (bytes) => drawn.hex(bytes),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const alarm = timeline.after(ms, () =>
          wake(() => {
            signal?.removeEventListener('abort', aborted);
            resolve();
          }),
        );
        const aborted = () => {
          alarm.cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', aborted, { once: true });
      }),
  };
}
