import { rest } from './at-once.ts';

/** Something that will happen. */
export interface Planned {
  cancel(): void;
}

/**
 * The simulation's time: events in the order of their moments, one at a time. Whatever an event wakes comes to rest before the next
 * one, so that the order of everything is the timeline's and never the machine's.
 */
export interface Timeline {
  /** Milliseconds since the start. */
  readonly now: number;
  /** Plans `happen` in `ms` milliseconds. `background` events keep nothing going by themselves. */
  after(ms: number, happen: () => void): Planned;
  /** Takes one step; false where nothing is planned. Rejects with what the event throws. */
  step(): Promise<boolean>;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
  cancelled: boolean;
}

/** A timeline at which nothing is planned yet. */
export function createTimeline(): Timeline {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;
  return {
    get now() {
      return now;
    },
    after(ms, happen) {
      const event: Event = { at: now + Math.max(0, Math.round(ms)), order: order++, happen, cancelled: false };
      push(heap, event);
      return {
        cancel: () => {
          event.cancelled = true;
        },
      };
    },
    async step() {
      let event = pop(heap);
      while (event?.cancelled) event = pop(heap);
      if (event === undefined) return false;
      now = event.at;
      event.happen();
      await rest();
      return true;
    },
  };
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as Event)) child += 1;
    const below = heap[child] as Event;
    if (!isBefore(below, last)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return first;
}
